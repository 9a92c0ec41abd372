"""Notifications: of which events, in which words, and by which way."""
