"""Shared fixtures: one server and one scratch home a test, no fixed ports."""

from tests.support.fixtures import bare_home, home, humble_home, server

__all__ = ["bare_home", "home", "humble_home", "server"]
