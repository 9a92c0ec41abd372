"""A real shell on a terminal of its own, at which keys are pressed."""

import os
import pty
import select
import shutil
import subprocess
import sys
import termios
import time
from pathlib import Path

_HOME_KEY = "\x01"  # to the beginning of the line, in each of them
_READY = "ready>"
# Without the settings of whoever runs the tests, and without colours and repainting.
_START = {
    "bash": ["--noprofile", "--norc", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "-i"],
}
_SET_UP = {
    "bash": "PS1='{ready}'; bind 'set enable-bracketed-paste off'",
    "zsh": "PROMPT='{ready}'; unsetopt zle_bracketed_paste PROMPT_SP; zmodload zsh/zle; bindkey -e",
    "fish": "function fish_prompt; echo -n '{ready}'; end; function fish_right_prompt; end",
}
_PATIENCE = 30.0


class Shell:
    """`name` with completion installed as the manual says; `pressed` tells what Tab makes."""

    def __init__(self, name: str, home: Path, install: str) -> None:
        program, setsid = shutil.which(name), shutil.which("setsid")
        assert program is not None
        assert setsid is not None
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (50, 200))
        environ = {
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "TERM": "dumb" if name == "zsh" else "xterm",
            "LANG": "C.UTF-8",
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
        }
        self._terminal = ours
        self._seen = ""
        self._process = subprocess.Popen(
            [setsid, "--ctty", program, *_START[name]],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environ,
            cwd=home,
        )
        os.close(theirs)
        self._type(f"{_SET_UP[name].format(ready=_READY)}; {install}; echo in''stalled\r")
        self._until("installed")
        self._until(_READY)

    def pressed(self, keys: str) -> list[str]:
        """The words of the line once `keys` have been pressed."""
        self._type(f"{keys}{_HOME_KEY}printf '[%s]\\n' begin; printf '[%s]\\n' \r")
        self._until("[begin]\r\n")
        return [line[1:-1] for line in self._until(_READY).split("\r\n") if line[:1] == "["]

    def close(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)

    def _type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _until(self, end: str) -> str:
        """What the shell writes up to `end`, which is left behind."""
        deadline = time.monotonic() + _PATIENCE
        while end not in self._seen:
            ready, _, _ = select.select([self._terminal], [], [], deadline - time.monotonic())
            assert ready, f"{end!r} did not come: {self._seen!r}"
            self._seen += os.read(self._terminal, 65536).decode(errors="replace")
        before, _, self._seen = self._seen.partition(end)
        return before
