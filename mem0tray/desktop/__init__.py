"""What people see and click: icon, menu, notifications, dialogs, start at login.

Nothing above imports this: the worker runs without Pillow, pystray or a display.
"""
