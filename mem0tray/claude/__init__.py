"""What Claude Code, and any client of the Model Context Protocol, has of the memories."""
