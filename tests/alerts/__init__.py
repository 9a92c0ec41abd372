"""The tests of `mem0tray/alerts`."""
