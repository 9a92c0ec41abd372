"""A day of events at speed: what the tray shows of it, and what it needs for that."""
