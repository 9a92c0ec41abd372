"""Where the page is written."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.files import atomic, private_folders
from mem0tray.system.paths import Paths

NAME: Final = "status.html"
_PATIENCE: Final = 2.0  # seconds for the desktop to name its browser


def write(page: str, out: Path | None, paths: Paths) -> Path:
    """Write `page`, mode 0600, to `out` or its usual place; return that absolute path.

    Raises FileUnavailableError.
    """
    if out is None:
        out = usual_place(paths)
        private_folders.make_private_folder(out.parent)
    out = out.expanduser().absolute()
    # `replace` keeps the mode of the file that is there.
    with suppress(OSError):
        if out.is_file() and not out.is_symlink():
            out.chmod(0o600)
    atomic.replace(out, page.encode("utf-8", "replace"))
    return out


def usual_place(paths: Paths) -> Path:
    """Our data folder; or the browser's own if that is a snap, which may not read ours."""
    if sys.platform == "linux":
        name = _browser().partition("_")[0]
        folder = Path.home() / "snap" / name / "common"
        if name and folder.is_dir():
            return folder / f"mem0tray-{NAME}"
    return paths.page


def _browser() -> str:
    """The desktop's default browser; a name such as `firefox_firefox.desktop` is a snap's."""
    question = ["xdg-settings", "get", "default-web-browser"]
    try:
        done = subprocess.run(  # noqa: S603  (a fixed question)
            question, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().rpartition("/")[2]
