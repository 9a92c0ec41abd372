"""Shared fixtures: one server and one scratch home a test, no fixed ports."""

from tests.support.fixtures import home, server

__all__ = ["home", "server"]
