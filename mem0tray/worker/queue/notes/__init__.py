"""The notes that Claude Code keeps as files, taken in if `claude.auto_memory` is true."""
