"""What `packaging/run` does and advises, and the environment that `packaging/test` makes."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import environment
import pytest

from tests.support import needs

PACKAGING = Path(environment.__file__).parent
DEMONSTRATE = """
import os, sys
from pathlib import Path
import run
home = Path(sys.argv[1])
run.environment.command = lambda name: Path(sys.executable).with_name(name)
sys.exit(run.demonstrate(home, dict(os.environ), fresh=run.fill(home)))
"""


@pytest.mark.parametrize("place", ["project", "elsewhere"])
def test_each_command_that_it_advises_stays_in_the_scratch_home(tmp_path: Path, place: str) -> None:
    """Word for word, but for the one that says that it is for real."""
    home, cwd = tmp_path / "home", PACKAGING.parent if place == "project" else tmp_path
    home.mkdir()
    said = subprocess.run(
        [sys.executable, "-c", DEMONSTRATE, home],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(PACKAGING)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    assert "Delivered 9 memories to this computer only." in said
    advice = said[said.index("What was delivered is on the embedded server") :]
    script = "packaging/run" if place == "project" else str(PACKAGING / "run")
    named = [line.split("  ")[-1].strip() for line in advice.splitlines() if script in line]
    look = f"{script} --home {home} recall --project garden"
    assert named == [look, script, f"{script} --real"]
    assert "mem0tray run" not in advice


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
