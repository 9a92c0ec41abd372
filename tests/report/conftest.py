"""A scratch home a test."""

from tests.cli.conftest import home

__all__ = ["home"]
