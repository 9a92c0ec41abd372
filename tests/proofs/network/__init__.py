"""The network, and whoever sits in it: faults between the real program and a real server."""
