"""The notes that Claude Code keeps as files, taken in where `claude.auto_memory` is true."""
