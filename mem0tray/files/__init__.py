"""The JSON files that others read and write: lock, atomic write, tolerant read."""
