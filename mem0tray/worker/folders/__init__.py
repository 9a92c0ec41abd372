"""The folders that the worker serves, the watch on them, and the settings file."""
