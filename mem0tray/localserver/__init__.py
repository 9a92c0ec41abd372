"""The embedded server: a small Mem0 server for this computer only.

Every start of it imports this file, which therefore imports nothing.
"""
