"""Tests of what Claude Code has of the memories."""
