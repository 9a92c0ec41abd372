"""What a power cut may leave of the files, and whether the program recovers from each of it."""
