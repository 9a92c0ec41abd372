"""`packaging/update-constraints`: renews `constraints.txt`.

Everything is installed afresh, without constraints, into a temporary
environment; what pip chose becomes the pins. A release that still supports the
oldest Python supports the newer ones too, so that one file serves them all.
"""

import difflib
import subprocess
import sys
import tempfile
from pathlib import Path

import environment

HEADER = """\
# The versions that packaging/run, packaging/test and .ci/run install, for Python 3.11 to 3.13.
# Made by packaging/update-constraints: do not edit.
"""
# Needed on one system, or by one Python, only, so that pip on another does not choose them.
ELSEWHERE = (
    'backports.tarfile==1.2.0 ; python_version < "3.12"',  # keyring
    'colorama==0.4.6 ; sys_platform == "win32"',  # click, pytest, build: colours
    'pyobjc-core==12.2.2 ; sys_platform == "darwin"',  # the tray: all of one release, the newest
    'pyobjc-framework-Cocoa==12.2.2 ; sys_platform == "darwin"',  # that has each of them
    'pyobjc-framework-Quartz==12.2.2 ; sys_platform == "darwin"',
    'pyobjc-framework-ServiceManagement==12.2.2 ; sys_platform == "darwin"',
    'pyobjc-framework-UserNotifications==12.2.2 ; sys_platform == "darwin"',
    'pywin32==312 ; sys_platform == "win32"',  # mcp: the processes that its client starts
    'pywin32-ctypes==0.2.3 ; sys_platform == "win32"',  # keyring: Windows' own
    'PyYAML==6.0.4 ; python_version != "3.13"',  # libcst, of mutmut
    'pyyaml-ft==8.0.0 ; python_version == "3.13"',  # libcst, in place of PyYAML
)
NOT_PINNED = ("mem0tray", "pip", "setuptools", "wheel", "PyYAML", "backports.tarfile")


def newest() -> list[str]:
    """Let pip choose, and list what it chose as `name==version`."""
    with tempfile.TemporaryDirectory(prefix="mem0tray-constraints-") as folder:
        venv = Path(folder) / "venv"
        subprocess.run([sys.executable, "-I", "-m", "venv", venv], check=True)
        environment.pip(venv, "install", *environment.requirements(["dev", "official"]))
        freeze = [str(environment.python(venv)), "-I", "-m", "pip", "freeze"]
        for name in NOT_PINNED:
            freeze += ["--exclude", name]
        frozen = subprocess.run(freeze, check=True, capture_output=True, encoding="utf-8")
    return frozen.stdout.splitlines()


def main() -> None:
    """Write the file anew and show what changed."""
    pins = newest()
    if strange := [pin for pin in pins if "==" not in pin]:  # a path or an address
        environment.fail(f"Not a released version: {', '.join(strange)}")
    lines = sorted([*pins, *ELSEWHERE], key=str.lower)
    text = HEADER + "".join(f"{line}\n" for line in lines)
    target = environment.CONSTRAINTS
    before = target.read_text(encoding="utf-8")
    temporary = target.with_name(f".{target.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(target)
    changes = difflib.unified_diff(before.splitlines(), text.splitlines(), lineterm="", n=0)
    print("\n".join(changes) or f"{target.name}: nothing newer.")


if __name__ == "__main__":
    main()
