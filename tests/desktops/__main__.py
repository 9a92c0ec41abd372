"""Try mem0tray on desktops that are installed into a scratch root: `python -m tests.desktops`."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import platformdirs

from tests.desktops.desks import DESKS, PACKAGES
from tests.desktops.scratch_root import CHECKOUT, DRIVER, PROJECT, ScratchRoot, missing_tools

_CACHE: Final = Path(platformdirs.user_cache_dir("mem0tray-tests")) / "desktops"
# Chromium's launcher takes flags from files alone, and drops those of its environment. All in the
# root runs as root, for which it needs the first; the second hides that from view.
_CHROMIUM_FLAGS: Final = "--no-sandbox --test-type --no-first-run --password-store=basic"


def main() -> int:
    """Try the desktops that are named, or all; 1 where something did not hold, 2 if none can be."""
    arguments = _parser().parse_args()
    if arguments.list:
        for name, desk in DESKS.items():
            print(f"{name:10} {desk.title}")
        return 0
    if why := _obstacle():
        _say(why)
        return 2
    names = arguments.name or list(DESKS)
    if unknown := sorted(set(names) - DESKS.keys()):
        _say(f"{', '.join(unknown)}: none of {', '.join(DESKS)}")
        return 2
    root = ScratchRoot(arguments.root, arguments.output)
    try:
        _prepare(root, names)
        if arguments.package:
            _say(f"Installing {arguments.package}.")
            root.install_package(arguments.package)
        failed = [DESKS[name].title for name in names if not _held(root, arguments, name)]
    except KeyboardInterrupt:
        _say("Interrupted.")
        return 130
    except (OSError, subprocess.CalledProcessError) as error:
        _say(f"This did not work: {error}")
        return 2
    finally:
        if not arguments.keep_root and root.is_made:
            _say(f"Removing {root.folder}.")
            root.remove()
    _say(f"Failed: {', '.join(failed) or 'none'}. Screenshots and logs: {arguments.output}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.desktops", description=__doc__)
    known = ", ".join(DESKS)
    parser.add_argument("name", nargs="*", help=f"{known} (default: all)")
    parser.add_argument("--list", action="store_true", help="list the desktops, and do nothing")
    parser.add_argument("--root", type=Path, default=_CACHE / "root", help="the scratch root")
    parser.add_argument("--keep-root", action="store_true", help="keep it for the next time")
    parser.add_argument("--package", type=Path, help="try this Debian package, not a wheel")
    parser.add_argument("--output", type=Path, default=_CACHE / "output", help="for screenshots")
    return parser


def _obstacle() -> str:
    """Why no desktop can be tried on this machine; empty where they can."""
    if os.geteuid() != 0:
        return "Root is needed: desktops are installed into a scratch root, and run in it."
    if tools := missing_tools():
        return f"Missing: {', '.join(tools)} (packages debootstrap, util-linux, coreutils)."
    return ""


def _prepare(root: ScratchRoot, names: Sequence[str]) -> None:
    if not root.is_made:
        _say(f"Making a scratch root of Debian 13 in {root.folder}.")
        root.make()
    packages = [each for name in names for each in DESKS[name].packages.split()]
    _say(f"Installing what is missing there of {', '.join(names)}.")
    root.install([*PACKAGES.split(), *dict.fromkeys(packages)])
    flags = root.folder / "etc/chromium.d/mem0tray"
    flags.write_text(f'CHROMIUM_FLAGS="$CHROMIUM_FLAGS {_CHROMIUM_FLAGS}"\n', encoding="utf-8")
    _say("Building the wheel, and installing it there.")
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, str(PROJECT)]
        subprocess.run(pip, check=True, stdout=sys.stderr)
        root.install_program(next(Path(folder).glob("*.whl")))


def _held(root: ScratchRoot, arguments: argparse.Namespace, name: str) -> bool:
    _say(f"{DESKS[name].title}:")
    shutil.rmtree(arguments.output / name, ignore_errors=True)
    command = [str(DRIVER / "bin" / "python"), "-m", "tests.desktops.inside", name]
    environ = {"PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"}
    if arguments.package:
        environ["PROGRAM"] = "/usr/bin/mem0tray"
    try:
        root.run(command, environ=environ)
    except subprocess.CalledProcessError:
        return False
    return True


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
