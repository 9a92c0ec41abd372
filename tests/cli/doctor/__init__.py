"""The tests of `mem0tray/cli/doctor`."""
