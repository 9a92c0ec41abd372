"""The embedded server, over real sockets and with real processes."""
