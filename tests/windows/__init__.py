"""The real program on Windows, by its rules; elsewhere all of it is left out."""
