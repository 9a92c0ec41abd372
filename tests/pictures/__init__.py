"""The pictures of README and manual, made from the real panel, daemon and browser."""
