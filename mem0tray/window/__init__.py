"""The window: a page in the browser, served on this computer by a process of its own."""
