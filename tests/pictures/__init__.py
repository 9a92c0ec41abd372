"""The pictures of README.md, made from the real panel, daemon and browser."""
