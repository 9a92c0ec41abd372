"""What the scripts do where the system lacks something, and this user may not install it."""

import subprocess
import sys
from pathlib import Path

import pytest

PACKAGING = Path(__file__).parents[2] / "packaging"
ASK = """
import sys
import desktop, environment
environment.is_root = lambda: False
environment.has_ensurepip = lambda: sys.argv[1] == "venv"
print(desktop.has_test_tools())
"""


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    installer = tmp_path / "apt-get"
    installer.write_text("#!/bin/false\n", encoding="utf-8")
    installer.chmod(0o755)
    return tmp_path


def asked(path: Path, has: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ASK, has],
        env={"PATH": str(path), "PYTHONPATH": str(PACKAGING)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_tests_go_on_without_root(bare_path: Path) -> None:
    done = asked(bare_path, "venv")
    assert (done.returncode, done.stdout) == (0, "False\n")
    for name in ("Xvfb", "strace", "cc"):
        assert name in done.stderr
    assert "Going on without them" in done.stderr
    # The line for root begins with fresh package lists.
    (line,) = [each.strip() for each in done.stderr.splitlines() if "sudo" in each]
    assert line.startswith("sudo apt-get update && sudo apt-get install -y")
    assert {"xvfb", "strace", "gcc", "libc6-dev"} <= set(line.split())


def test_nothing_runs_where_no_environment_can_be_made(bare_path: Path) -> None:
    done = asked(bare_path, "nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert "At least python3-venv is needed." in done.stderr
