"""Tests of the notes of Claude Code."""
