"""`python -m mem0tray`."""

from mem0tray.cli import start

if __name__ == "__main__":
    start()
