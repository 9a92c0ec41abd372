"""The environment that `packaging/test` makes."""

import re
import sys
from importlib import metadata

from tests.support import needs
from tests.support.home import REPOSITORY

sys.path.append(str(REPOSITORY / "packaging"))

import environment


def installed(name: str) -> bool:
    return next(iter(metadata.distributions(name=name)), None) is not None


@needs.OWN_ENVIRONMENT
def test_what_is_pinned_is_what_is_imported() -> None:
    lines = environment.CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line and ";" not in line)
    found = {name: metadata.version(name) for name in pins if installed(name)}
    assert found == {name: pins[name] for name in found}


@needs.OWN_ENVIRONMENT
def test_what_is_asked_for_is_installed() -> None:
    asked = [line for line in environment.requirements(["dev"]) if ";" not in line]
    names = [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in asked]
    assert [name for name in names if not installed(name)] == []
