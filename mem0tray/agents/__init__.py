"""What coding agents, and any client of the Model Context Protocol, get of the memories."""

from typing import Final

MARK: Final = "mem0:"  # begins a line of an answer that is to be kept
SAVE: Final = "mem0_save"  # the tool that queues a memory
