"""The environment that `packaging/test` makes, with the system's packages behind its own."""

import sys
from importlib import metadata

import pytest

from tests.support.home import REPOSITORY


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="this is no environment of ours")
def test_what_is_pinned_is_what_is_imported() -> None:
    """No package of the system takes the place of one that is pinned."""
    constraints = REPOSITORY / "packaging" / "constraints.txt"
    lines = constraints.read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line and ";" not in line)
    assert {name: metadata.version(name) for name in pins} == pins
