"""The tests of `mem0tray/desktop/autostart`."""
