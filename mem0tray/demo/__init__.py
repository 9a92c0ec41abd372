"""The demo: `story` is told on the `stage`, a scratch home with a server that fails on demand."""
