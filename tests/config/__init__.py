"""The tests of `mem0tray/config`."""
