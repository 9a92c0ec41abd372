"""Makes the project's own environment: a virtual environment with pinned packages.

`ensure()` is what the scripts beside this file call. The first time it takes
half a minute; after that a stamp in the environment says that it is still what
`pyproject.toml` and `constraints.txt` ask for, and nothing is done.

Only the standard library is used here: nothing else is there yet.
"""

import argparse
import contextlib
import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / os.environ.get("VENV", ".venv")  # `.venv-lowest`: see .ci/run
PYPROJECT = ROOT / "pyproject.toml"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
UNFINISHED = "unfinished"  # the stamp while packages are being installed


def say(text: str) -> None:
    """Tell the user something; on stderr, as stdout belongs to the program that follows."""
    print(text, file=sys.stderr, flush=True)


def fail(text: str) -> NoReturn:
    """Say what is wrong and what to do, and stop."""
    say(text)
    raise SystemExit(1)


def ensure(
    groups: Sequence[str] = (), *, venv: Path = VENV, wheel: Path | None = None
) -> dict[str, str]:
    """Make `venv` ready and return the process environment in which it is active.

    It gets the project's dependencies, the dependency groups named, and
    mem0tray itself: the sources, editable, or the built `wheel`.
    """
    try:
        with _only_one_at_a_time():
            _bring_up_to_date(venv, groups, wheel)
    except OSError as error:
        fail(f"{_shown(venv)} cannot be set up: {error}")
    return _activated(venv)


def requirements(groups: Sequence[str] = (), *, sources: bool = True) -> list[str]:
    """List what the dependency groups ask for, and with `sources` the project and its build."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    found: list[str] = []
    if sources:
        found += [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for group in groups:
        found += _group(project["dependency-groups"], group)
    return list(dict.fromkeys(found))


def python(venv: Path) -> Path:
    """Name the interpreter of a virtual environment."""
    return _bin(venv) / ("python.exe" if sys.platform == "win32" else "python")


def command(name: str, venv: Path = VENV) -> Path:
    """Name a command that a package has put into the environment."""
    return _bin(venv) / (f"{name}.exe" if sys.platform == "win32" else name)


def become(arguments: Sequence[str | Path], environ: dict[str, str]) -> NoReturn:
    """Go on as another program."""
    texts = [str(argument) for argument in arguments]
    sys.stdout.flush()
    if sys.platform == "win32":  # there, exec lets the shell go on at once
        raise SystemExit(subprocess.call(texts, env=environ))
    os.execve(texts[0], texts, environ)  # noqa: S606 - no shell is the point


def pip(venv: Path, *arguments: str | Path) -> None:
    """Run pip in `venv`, silently unless it fails."""
    base = [str(python(venv)), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
    # A user-wide `pip config set install.user true` must not reach into our environment.
    environ = os.environ | {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
    done = _captured([*base, *arguments], environ)
    if done.returncode:
        say("\n".join(done.stdout.splitlines()[-20:]))
        fail(
            "Installing failed; the end of what pip says stands above. Is the network reachable?\n"
            "What was begun is kept: start this again to go on."
        )


def run(
    *arguments: str | Path, folder: Path = ROOT, environ: Mapping[str, str] = os.environ
) -> str:
    """Run a program, silently unless it fails; return what it said."""
    done = _captured(arguments, environ, folder)
    if done.returncode:
        fail(f"{done.stdout}\nThis failed: {' '.join(map(str, arguments))}")
    return done.stdout


def uv(*arguments: str | Path) -> None:
    """Run uv, silently unless it fails."""
    run(command("uv"), "--quiet", *arguments)


def need_system(packages: Sequence[str], why: str) -> None:
    """Install packages of the system (apt) when root; else print the line that does."""
    line = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        fail(f"{why} Please install what your system calls: {', '.join(packages)}.")
    if not is_root():  # a fresh machine has no package lists: with an old one, apt finds nothing
        fail(
            f"{why} Install what is missing, then start this again:\n"
            f"    sudo apt-get update && sudo {line}"
        )
    say(f"{why} Installing it: {line}")
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = _captured(line.split(), environ)
    if done.returncode:  # a fresh machine has no package lists yet
        _captured(["apt-get", "update"], environ)
        done = _captured(line.split(), environ)
    if done.returncode:
        fail(f"{done.stdout.rstrip()}\nThat failed. Install it by hand: {line}")


def is_root() -> bool:
    """Whether this user may install packages of the system."""
    return sys.platform != "win32" and os.geteuid() == 0


def has_ensurepip() -> bool:
    """Whether this Python can make virtual environments: Debian's comes without the means."""
    sys.modules.pop("ensurepip", None)
    try:
        return hasattr(importlib.import_module("ensurepip"), "version")
    except ImportError:
        return False


def _bring_up_to_date(venv: Path, groups: Sequence[str], wheel: Path | None) -> None:
    version = _version(venv)
    stamp = _read_stamp(venv)
    if version is None or _must_be_remade(venv, version, stamp):
        _make(venv)
        version, stamp = _version(venv), None
    wanted = {"inputs": _fingerprint(venv, version, wheel), "groups": sorted(groups)}
    if not _satisfies(stamp, wanted):
        _install(venv, version, groups, wheel)
        _stamp(venv).write_text(json.dumps(wanted), encoding="utf-8")


def _group(groups: dict[str, Any], name: str) -> list[str]:
    found: list[str] = []
    for entry in groups[name]:
        found += [entry] if isinstance(entry, str) else _group(groups, entry["include-group"])
    return found


def _bin(venv: Path) -> Path:
    return venv / ("Scripts" if sys.platform == "win32" else "bin")


def _captured(
    arguments: Sequence[str | Path],
    environ: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        env=environ,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _version(venv: Path) -> str | None:
    """The Python of `venv`, such as "3.13.5"; None when there is none that works."""
    code = "import platform, pip, sys; print(platform.python_version()); sys.stdout.flush()"
    try:
        done = _captured([python(venv), "-I", "-c", code])
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _must_be_remade(venv: Path, version: str, stamp: Any) -> bool:
    """Whether a working environment is one that we cannot build on."""
    running = [str(part) for part in sys.version_info[:2]]
    found = version.split(".")[:2]
    if [int(part) for part in found] < [3, 11]:
        return True
    if os.environ.get("PYTHON") and found != running:  # the user asked for another Python
        return True
    if stamp == UNFINISHED:  # killed in the middle
        return True
    # Moved: the commands in it still name the former folder.
    return isinstance(stamp, dict) and stamp["inputs"]["folder"] != str(venv)


def _make(venv: Path) -> None:
    _check_ensurepip()
    if venv.is_symlink() or venv.is_file():
        venv.unlink()
    elif venv.exists():
        say(f"Making {_shown(venv)} anew: made by another Python or elsewhere, or incomplete.")
        shutil.rmtree(venv)
    done = _captured([sys.executable, "-I", "-m", "venv", venv])
    if done.returncode:
        shutil.rmtree(venv, ignore_errors=True)
        fail(f"{done.stdout.rstrip()}\nMaking the virtual environment {venv} failed.")


def _check_ensurepip() -> None:
    if has_ensurepip():
        return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    why = f"{sys.executable} (Python {version}) cannot make virtual environments."
    if sys.base_prefix != "/usr":
        fail(f"{why} Name another: PYTHON=/path/to/python3")
    need_system([f"python{version}-venv"], why)


def _install(venv: Path, version: str | None, groups: Sequence[str], wheel: Path | None) -> None:
    wanted = requirements(groups, sources=wheel is None)
    names = [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in wanted]
    shown = ", ".join([*dict.fromkeys(names), *([wheel.name] if wheel else [])])
    say(
        f"Setting up {_shown(venv)} with Python {version}, at the versions pinned in "
        f"packaging/{CONSTRAINTS.name}. This takes about half a minute, this once:\n  {shown}"
    )
    stamp = _stamp(venv)
    stamp.write_text(json.dumps(UNFINISHED), encoding="utf-8")
    pinned = ["install", "--constraint", str(CONSTRAINTS)]
    try:
        if wheel:  # its own metadata must name everything that it needs
            pip(venv, *pinned, *wanted, wheel)
            pip(venv, "check")
        else:
            pip(venv, *pinned, *wanted)
            pip(venv, *pinned, "--no-deps", "--no-build-isolation", "--editable", ROOT)
    except SystemExit:  # pip left it consistent: the next start may build on it
        stamp.unlink(missing_ok=True)
        raise


def _stamp(venv: Path) -> Path:
    return venv / "mem0tray-environment.json"


def _read_stamp(venv: Path) -> Any:
    try:
        return json.loads(_stamp(venv).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _satisfies(stamp: Any, wanted: dict[str, Any]) -> bool:
    return (
        isinstance(stamp, dict)
        and stamp["inputs"] == wanted["inputs"]
        and set(wanted["groups"]) <= set(stamp["groups"])
    )


def _fingerprint(venv: Path, version: str | None, wheel: Path | None) -> dict[str, str]:
    """Everything on which the contents of the environment depend."""
    digest = hashlib.sha256()
    for path in (PYPROJECT, CONSTRAINTS, *([wheel] if wheel else [])):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return {"folder": str(venv), "python": str(version), "files": digest.hexdigest()}


def _activated(venv: Path) -> dict[str, str]:
    environ = dict(os.environ)
    environ.pop("PYTHONHOME", None)
    environ["VIRTUAL_ENV"] = str(venv)
    environ["PATH"] = os.pathsep.join([str(_bin(venv)), environ.get("PATH", os.defpath)])
    return environ


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


@contextlib.contextmanager
def _only_one_at_a_time() -> Iterator[None]:
    """Let one process at a time work on the environment; a second one waits."""
    if sys.platform == "win32":  # no advisory locks there: do not start two at once
        yield
        return
    import fcntl

    with CONSTRAINTS.open("rb") as file:  # any file that is always there will do
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another start is setting up the environment; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Make an environment, as asked on the command line."""
    parser = argparse.ArgumentParser(description="Make the project's own virtual environment.")
    parser.add_argument("groups", nargs="*", help="dependency groups of pyproject.toml to add")
    parser.add_argument("--venv", type=Path, default=VENV, help="where (default: .venv)")
    parser.add_argument("--wheel", type=Path, help="install this wheel, not the sources")
    options = parser.parse_args()
    ensure(options.groups, venv=options.venv.absolute(), wheel=options.wheel)


if __name__ == "__main__":
    main()
