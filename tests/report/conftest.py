"""A scratch home a test."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.cli.conftest import home

__all__ = ["home"]
