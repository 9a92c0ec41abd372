"""A stand-in for `osascript`, as strict about a script's words as AppleScript is."""

import re
from pathlib import Path
from typing import Final

from tests.desktop.programs import script

_PARAMETERS: Final = re.compile(r"on run \{(.+)\}\n")


class Osascript:
    """Stands in for `osascript`: it notes script and words, and cancels or fails if told to."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "osascript"
        self.program = script(
            folder / "program",
            f"""
            cat > "{self._log}.script"
            printf '%s\\0' "$@" > "{self._log}.new"
            mv "{self._log}.new" "{self._log}.words"
            test ! -e "{self._log}.cancels"
            """,
        )

    def called(self) -> bool:
        return self._log.with_suffix(".words").exists()

    @property
    def words(self) -> list[str]:
        return self._log.with_suffix(".words").read_bytes().decode().split("\0")[:-1]

    @property
    def source(self) -> str:
        """The script; AppleScript raises where it has another number of words than names."""
        text = self._log.with_suffix(".script").read_text(encoding="ascii")
        found = _PARAMETERS.match(text)
        assert found is not None
        assert len(found[1].split(", ")) == len(self.words) - 1
        return text

    def cancel(self) -> None:
        self._log.with_suffix(".cancels").touch()
