"""Alerts: too many dead letters, or a memory that waits too long; with or without a desktop."""
