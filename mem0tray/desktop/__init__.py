"""The desktop: tray, icon, menu, notifications, autostart, dialogs. Nothing else imports it."""
