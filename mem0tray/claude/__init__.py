"""What Claude Code, and any client of the Model Context Protocol, gets of the memories."""

from typing import Final

MARK: Final = "mem0:"  # begins a line of an answer that is to be kept
