"""The tests of `mem0tray/system`."""
