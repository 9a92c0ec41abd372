"""The tray: icon, badge, menu, and what they show."""
