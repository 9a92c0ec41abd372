"""Tries mem0tray on real desktops, each without a screen, in a scratch root of the system."""
