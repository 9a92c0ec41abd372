"""A scratch root of Debian 13, in which programs are installed and run.

Whatever runs there has mounts, processes and, unless it installs something, a network of its
own, with loopback alone. These end with the command that began them, however that ends: so the
machine keeps neither a mount nor a process.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

SUITE: Final = "trixie"
PROJECT: Final = Path(__file__).resolve().parents[2]
# Where the checkout and the folder for the output stand in the root.
CHECKOUT: Final = Path("/project")
OUTPUT: Final = Path("/output")
PLAIN: Final = Path("/opt/mem0tray")  # the virtual environment of the program, and nothing else
DRIVER: Final = Path("/opt/driver")  # that of what tries it
_MARK: Final = ".made-by-tests-desktops"  # stands in every root that was made here,
_WHOLE: Final = "whole"  # and says this once it is
_APT: Final = ("apt-get", "-q", "-y", "--no-install-recommends")
_INCLUDED: Final = "git,iproute2,python3,ca-certificates,python3-venv"
# What is killed with us, also when we cannot see to it.
_LEASH: Final = ("setpriv", "--pdeathsig", "KILL")
_UNSHARE: Final = (*_LEASH, "unshare", "--mount", "--ipc", "--pid", "--fork", "--kill-child")
# The first process waits for the command, and collects whatever outlives its parent. A bind of
# the whole of /dev has devices that no container lets us make.
_ENTER: Final = """\
set -e
root=$1 checkout=$2 output=$3 net=$4; shift 4
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir -p "$root/project" "$root/output"
mount --bind -o ro "$checkout" "$root/project"
mount --bind "$output" "$root/output"
if [ "$net" = loopback ]; then chroot "$root" ip link set lo up; fi
chroot "$root" /usr/bin/env -C /project "$@"
"""
# Settings that let apt and pip reach their servers from this machine: the root gets them too.
_SETTINGS: Final = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/pip.conf",
    "/etc/apt/apt.conf.d",
    "/usr/local/share/ca-certificates",
)
_PASSED_ON: Final = ("PIP_", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT", "REQUESTS_CA")


class ScratchRoot:
    """A root at `folder`; `output` is where what runs in it leaves what it has seen."""

    def __init__(self, folder: Path, output: Path) -> None:
        self.folder, self._output = folder.absolute(), output.absolute()
        self._mark = self.folder / _MARK

    @property
    def is_made(self) -> bool:
        return self._mark.exists() and self._mark.read_text(encoding="utf-8") == _WHOLE

    def make(self) -> None:
        """Make it anew; OSError where something of somebody else stands in its place."""
        self.remove()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._mark.write_text("", encoding="utf-8")
        options = ["--variant=minbase", f"--include={_INCLUDED}"]
        bootstrap = ["debootstrap", *options, SUITE, str(self.folder)]  # from its own mirror
        subprocess.run(bootstrap, check=True, stdout=sys.stderr)
        # No daemon of the system is started there; a package's own attempt is not an error.
        policy = self.folder / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
        policy.chmod(0o755)
        for name in _SETTINGS:
            _copy(Path(name), self.folder / name.lstrip("/"))
        self.run(["update-ca-certificates"], network=True)
        self._mark.write_text(_WHOLE, encoding="utf-8")

    def remove(self) -> None:
        """Take it away; OSError where anything in it was not made here, or is mounted there."""
        if mounted := _mounted_below(self.folder.resolve()):
            raise OSError(f"{mounted[0]} is mounted: what is in it would be removed too")
        if self._mark.exists():
            shutil.rmtree(self.folder)
        elif self.folder.exists():
            if any(self.folder.iterdir()):
                raise OSError(f"{self.folder} is not empty, and was not made here: name another")
            self.folder.rmdir()

    def install(self, packages: Sequence[str]) -> None:
        """Install these; where all of them are there already, nothing and without a network."""
        try:
            self.run(["sh", "-c", 'dpkg -s "$@" >/dev/null 2>&1', "sh", *packages])
        except subprocess.CalledProcessError:
            self.run(["dpkg", "--configure", "-a"])  # what was interrupted
            self.run([*_APT, "update"], network=True)
            self.run([*_APT, "install", *packages], network=True)

    def install_program(self, wheel: Path) -> None:
        """Put the wheel into the plain environment, and what tries it into one of its own."""
        pins = str(CHECKOUT / "packaging" / "constraints.txt")
        name = wheel.name
        shutil.copy(wheel, self.folder / "opt" / name)
        for venv, more in ((PLAIN, ()), (DRIVER, ("pytest",))):
            pip = [str(venv / "bin/python"), "-m", "pip", "-q", "install"]
            if not (self.folder / str(venv).lstrip("/") / "bin/python").is_symlink():
                self.run(["/usr/bin/python3", "-m", "venv", str(venv)], network=True)
            self.run([*pip, "-c", pins, f"/opt/{name}", *more], network=True)
            self.run([*pip, "--no-deps", "--force-reinstall", f"/opt/{name}"], network=True)
        (self.folder / "opt" / name).unlink()

    def install_package(self, package: Path) -> None:
        """Install a Debian package as its users do, with what it depends on."""
        shutil.copy(package, self._output)
        self.run([*_APT, "update"], network=True)
        again = ["--reinstall", "--allow-downgrades"]
        self.run([*_APT, "install", *again, str(OUTPUT / package.name)], network=True)

    def run(
        self,
        command: Sequence[str],
        *,
        network: bool = False,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Run a command in it; whatever it has started ends with it. Raises CalledProcessError."""
        self._output.mkdir(parents=True, exist_ok=True)
        shares = _UNSHARE if network else (*_UNSHARE, "--net")
        given = (str(self.folder), str(PROJECT), str(self._output), "" if network else "loopback")
        whole = [*shares, "sh", "-c", _ENTER, "sh", *given, *command]
        env = _environ(network=network) | dict(environ or {})
        done = subprocess.run(
            whole, env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
        )
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, list(command))


def _mounted_below(folder: Path) -> list[Path]:
    mounts = Path("/proc/self/mounts").read_bytes().splitlines()
    places = (line.split()[1].decode("unicode_escape", "replace") for line in mounts)
    return [place for place in map(Path, places) if folder in place.parents]


def missing_tools() -> list[str]:
    tools = ("debootstrap", "unshare", "setpriv", "chroot")
    return [name for name in tools if shutil.which(name) is None]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copyfile(source, target)


def _environ(*, network: bool) -> dict[str, str]:
    """The environment of what runs in the root; with pip's settings, where it has a network."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    made = {"PATH": path, "LANG": "C.UTF-8", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
    if network:
        passed = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
        passed.pop("PIP_FIND_LINKS", None)  # a folder that the root does not have
        made |= passed
    return made
