"""Shared fixtures: one server and one scratch home a test, no fixed ports."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.support.fixtures import bare_home, home, humble_home, server

__all__ = ["bare_home", "home", "humble_home", "server"]
