"""Desktops that log in by systemd (Plasma, GNOME): what its generator makes of our entry."""

import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

from mem0tray.desktop.autostart import BLOCKED
from mem0tray.desktop.autostart.linux import XdgAutostart
from tests.desktop import systemd_reader
from tests.desktop.autostart.test_linux import AWKWARD
from tests.desktop.programs import script
from tests.support import needs
from tests.support.processes import wait_until

GENERATOR: Final = Path("/usr/lib/systemd/user-generators/systemd-xdg-autostart-generator")
pytestmark = needs.there(GENERATOR)
NAMES: Final = [*AWKWARD, "ü", "'", '"', "`", "$X", "50%", "back\\slash", "~", "-x", "#", "\udcff"]


def _generated(folder: Path) -> list[Path]:
    """The units that the generator makes of the entries in `folder`/autostart."""
    outputs = [folder / name for name in ("normal", "early", "late")]
    for output in outputs:
        output.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "XDG_CONFIG_DIRS": str(folder / "none"),
    }
    subprocess.run([GENERATOR, *outputs], env=environ, check=True)
    return [*outputs[2].glob("*.service")]


@pytest.mark.parametrize("name", NAMES)
def test_systemd_starts_just_that(tmp_path: Path, name: str) -> None:
    """It makes a unit that it finds valid, whose words run the program with its very words."""
    said = tmp_path / "said"
    program = script(
        tmp_path / "at" / name / "mem0tray",
        f"printf '%s\\0' \"$@\" > '{said}.new' && mv '{said}.new' '{said}'",
    )
    XdgAutostart([str(program), "-m", name], [tmp_path / "autostart"]).enable()
    (made,) = _generated(tmp_path)
    words = systemd_reader.words(made, tmp_path)
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, timeout=20)
    wait_until(said.exists, what="the program was started")
    assert said.read_bytes() == b"-m\0" + os.fsencode(name) + b"\0"


def test_an_entry_that_is_hidden_is_none(tmp_path: Path) -> None:
    """It leaves out what we call turned off."""
    program = script(tmp_path / "mem0tray", "exit 0")
    login = XdgAutostart([str(program)], [tmp_path / "autostart"])
    login.enable()
    path = Path(login.where)
    path.write_text(path.read_text().replace("Terminal=false", "Hidden=true"))
    assert login.state().name == BLOCKED
    assert _generated(tmp_path) == []
