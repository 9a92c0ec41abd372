"""Orders: what users do to memories, applied by whoever holds the worker's lock."""
