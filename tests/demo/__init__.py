"""The demo, played with the real worker and the real server."""
