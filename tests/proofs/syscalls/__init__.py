"""Kills and errors at every system call of a scripted run."""
