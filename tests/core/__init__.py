"""The tests of `mem0tray/core`."""
