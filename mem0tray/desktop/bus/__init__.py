"""The session bus (D-Bus, Linux), and what is asked over it."""
