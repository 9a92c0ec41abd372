"""What the desktop shows; platforms that are not here have stand-ins."""
