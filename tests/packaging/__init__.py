"""The scripts beside the project."""
