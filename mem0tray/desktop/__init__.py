"""What a desktop shows of the worker: the tray, its icon and menu, notifications, autostart."""
