"""The wheel, installed into an empty home by uv and by pipx, at work, and taken away again."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import build_wheel
import environment
import pytest

from tests.support import needs
from tests.support.home import REPOSITORY

pytestmark = [pytest.mark.slow, needs.OWN_ENVIRONMENT]

UV = str(environment.command("uv"))
TOOLS = {"uv": (UV, "tool"), "pipx": (UV, "tool", "run", "pipx")}
FOUND_BY_PIPX = {  # below ~/.local/share; uv keeps them beside the program
    "man/man1/mem0tray.1",
    "bash-completion/completions/mem0tray",
    "zsh/site-functions/_mem0tray",
    "fish/vendor_completions.d/mem0tray.fish",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel.build(tmp_path_factory.mktemp("built") / "wheel", "--wheel")[0]


def ran(environ: Mapping[str, str], *command: str | Path) -> str:
    done = subprocess.run(
        command, env=environ, capture_output=True, encoding="utf-8", timeout=250, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def files(home: Path) -> set[str]:
    """What lies in a home, without caches and without what the tools keep for themselves."""
    theirs = (".cache/", ".local/share/uv/", ".local/share/pipx/", ".local/state/pipx/", "tmp/")
    found = {str(each.relative_to(home)) for each in home.rglob("*") if not each.is_dir()}
    return {name for name in found if not name.startswith(theirs)}


@pytest.mark.parametrize("tool", TOOLS)
def test_it_is_installed_delivers_through_a_kill_and_leaves_the_users_files(
    tool: str, wheel: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    certificates = {name: value for name, value in os.environ.items() if "CERT" in name}
    environ = {"HOME": str(home), "PATH": os.defpath} | certificates
    ran(environ, *TOOLS[tool], "install", "--python", sys.executable, wheel)
    program = home / ".local" / "bin" / "mem0tray"
    share = {f".local/share/{name}" for name in FOUND_BY_PIPX} if tool == "pipx" else set()
    assert files(home) == {".local/bin/mem0tray", *share}
    assert "is lost" in ran(environ, program, "demo")

    found = environ | {"PATH": f"{program.parent}:{os.defpath}", "PYTHONPATH": str(REPOSITORY)}
    assert "500 delivered, each once" in ran(
        found, sys.executable, "-m", "tests.packaging.delivers"
    )

    ran(environ, program, "uninstall", "--purge", "--yes")
    ran(environ, *TOOLS[tool], "uninstall", "mem0tray")
    assert {name for name in files(home) if not name.startswith(".claude/")} == set()
