"""The Debian package in a root of its own: installed, used, upgraded in mid-delivery, purged."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.desktops.scratch_root import OUTPUT, PROJECT, ScratchRoot
from tests.support import needs
from tests.support.machine import tool

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    needs.root("packages are installed into a scratch root"),
    needs.program("debootstrap"),
]
USER: Final = "ada"
AS_USER: Final = f"setpriv --reuid {USER} --regid {USER} --init-groups env HOME=/home/{USER}"
# What apt and dpkg keep of every package that they had to do with.
OF_APT: Final = re.compile(r"(var/(cache|log|backups|lib/(apt|dpkg|ucf))|tmp|run|output|root)/")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[ScratchRoot]:
    made = ScratchRoot(tmp_path / "root", tmp_path / "output")
    made.make()
    made.run(["useradd", "--create-home", USER])
    yield made
    made.remove()


def packages(folder: Path) -> tuple[Path, Path]:
    """Build the package; beside it the same as an older version, which names itself so."""
    build = [sys.executable, "-Es", str(PROJECT / "packaging" / "build_deb.py")]
    subprocess.run(build, check=True)
    new = max((PROJECT / "dist").glob("mem0tray_*.deb"), key=lambda each: each.stat().st_mtime)
    unpacked = folder / "older"
    subprocess.run([tool("dpkg-deb"), "--raw-extract", new, unpacked], check=True)
    for file in (
        unpacked / "DEBIAN" / "control",
        unpacked / "usr/lib/python3/dist-packages/mem0tray/__init__.py",
    ):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r"0\.1\.0[-\d]*", "0.0.9", text), encoding="utf-8")
    old = folder / "mem0tray_0.0.9_all.deb"
    subprocess.run([tool("dpkg-deb"), "--build", unpacked, old], check=True)
    return old, new


def files(root: ScratchRoot) -> set[str]:
    found = (str(each.relative_to(root.folder)) for each in root.folder.rglob("*"))
    return {each for each in found if not OF_APT.match(f"{each}/")}


def test_installed_used_upgraded_in_mid_delivery_and_purged(
    root: ScratchRoot, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    old, new = packages(tmp_path)
    field = [tool("dpkg-deb"), "--field", str(new), "Depends"]
    needed = subprocess.run(field, capture_output=True, text=True, check=True).stdout.strip()
    root.run(["apt-get", "-q", "-y", "--no-install-recommends", "satisfy", needed], network=True)
    before = files(root)  # what purging leaves of the libraries is not ours
    root.install_package(old)
    root.run([*AS_USER.split(), "mem0tray", "demo", "--fast"])
    shutil.copy(new, tmp_path / "output")
    upgrade = ["apt-get", "-q", "-y", "install", str(OUTPUT / new.name)]
    root.run(
        ["python3", "-m", "tests.packaging.delivers", *upgrade],
        environ={"AS": AS_USER, "HOME": f"/home/{USER}", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    said = capfd.readouterr().err
    assert re.search(r"mem0tray 0\.0\.9 delivers; apt-get", said)
    assert re.search(r"mem0tray 0\.1\.0 delivers the rest\n500 delivered, each once; 0", said)
    root.run(["apt-get", "-q", "-y", "purge", "mem0tray"])
    left = sorted(files(root) - before)
    assert [each for each in left if not each.startswith(f"home/{USER}/")] == []
    assert f"home/{USER}/.claude/mem0_queue.json" in left
