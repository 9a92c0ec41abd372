"""The worker's pure parts: what it decides, without files or network."""
