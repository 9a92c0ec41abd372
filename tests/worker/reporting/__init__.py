"""The tests of `mem0tray/worker/reporting`."""
