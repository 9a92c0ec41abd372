"""What Claude Code, and any client of the Model Context Protocol, gets of the memories."""
