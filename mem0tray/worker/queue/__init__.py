"""The queue and the emergency file: reader and writer of what producers write."""
