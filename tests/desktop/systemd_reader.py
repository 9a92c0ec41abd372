"""What systemd itself reads in a unit, without a manager: `systemd-analyze verify` tells it."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

from tests.support.machine import tool

_WORD: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s"]+)')
_ESCAPE: Final = re.compile(r"\\(?:([0-7]{3})|x([0-9a-f]{2})|(.))")
_NAMED: Final = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_LINE: Final = "Command Line: "
_ABOUT_US: Final = "we are running with legacy cgroups v1"  # so it is without /sys, as in a chroot


def words(unit: Path, folder: Path) -> list[str]:
    """The words that it starts; AssertionError with what systemd has to say against the unit."""
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_RUNTIME_DIR": str(runtime)}
    verify = [tool("systemd-analyze"), "--user", "--man=no", "verify", str(unit)]
    done = subprocess.run(verify, env=environ, capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if _ABOUT_US not in line]
    assert (done.returncode, said) == (0, []), f"systemd-analyze: {done.returncode}, {said}"
    environ["SYSTEMD_LOG_LEVEL"] = "debug"  # it tells what it has read
    told = subprocess.run(verify, env=environ, capture_output=True, check=True)
    lines = (told.stdout + told.stderr).decode("utf-8", "surrogateescape").split("\n")
    (line,) = [text.partition(_LINE)[2] for text in lines if _LINE in text]
    return [_ESCAPE.sub(_unescaped, quoted) or plain for quoted, plain in _WORD.findall(line)]


def _unescaped(found: re.Match[str]) -> str:
    octal, hexadecimal, sign = found.groups()
    if octal or hexadecimal:
        byte = int(octal, 8) if octal else int(hexadecimal, 16)
        return bytes([byte]).decode("utf-8", "surrogateescape")
    return _NAMED.get(sign, sign)
