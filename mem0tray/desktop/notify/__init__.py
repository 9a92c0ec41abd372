"""Notifications: which events are told, in which words, by which way."""
