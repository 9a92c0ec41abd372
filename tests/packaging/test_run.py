"""What `packaging/run` does, and what it advises."""

import subprocess
import sys
from pathlib import Path

import pytest

PACKAGING = Path(__file__).parents[2] / "packaging"
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
    advice = said[said.index("Delivered to the embedded server") :]
    script = "packaging/run" if place == "project" else str(PACKAGING / "run")
    named = [line.split("  ")[-1].strip() for line in advice.splitlines() if script in line]
    assert named == [f"{script} --home {home} list", script, f"{script} --real"]
    assert "mem0tray run" not in advice
