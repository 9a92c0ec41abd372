"""The embedded local server, over real sockets and with real processes."""
