"""The parts that people see and click: icon, menu, notifications, dialogs, start at login.

No room above imports this one: the worker runs without Pillow, pystray or a display.
"""
