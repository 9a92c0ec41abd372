"""mem0tray: makes sure no memory is lost on its way to its Mem0 server."""

__version__ = "0.1.0"
