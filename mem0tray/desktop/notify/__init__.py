"""Notifications: which events they tell, in which words, and by which way."""
