"""The folders that the worker serves, the files in them, and the settings file."""
