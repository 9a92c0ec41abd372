"""The session bus (D-Bus, Linux), and questions over it."""
