"""`mem0tray doctor`: everything that deliveries need, one line a check."""
