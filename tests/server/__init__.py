"""The client side of the server, against real sockets on this computer."""
