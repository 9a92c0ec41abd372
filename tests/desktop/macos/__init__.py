"""The tests of what mem0tray does on macOS, with stand-ins that know the real names."""
