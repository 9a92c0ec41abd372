"""A text in the user's editor, in a file that is kept if what is done with the text fails."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from mem0tray.cli import output
from mem0tray.core.errors import Mem0TrayError, NotFoundError
from mem0tray.core.text import short_id
from mem0tray.files import atomic, private_folders
from mem0tray.system import programs, regular_file
from mem0tray.system.paths import Paths
from mem0tray.system.programs import ends_in_order

_NOTHING_CHANGED: Final = (
    "Nothing was changed. Is $VISUAL or $EDITOR an editor that waits until you are done?"
)


@contextmanager
def rewritten(
    paths: Paths, name: str, project: str, before: str, called: str
) -> Iterator[str | None]:
    """Yield the text that the user makes of the one before; None where it stays, which is said.

    `called` names the memory in a command. Raises Mem0TrayError.
    """
    shown = before if before.endswith("\n") else f"{before}\n"  # what editors expect
    with ends_in_order(), _opened(paths, name, project, shown) as file:
        programs.edit(file, if_failed=_NOTHING_CHANGED)
        after = _read(file)
        new = after if before.endswith("\n") else after.removesuffix("\n").removesuffix("\r")
        if new == before or after == shown:
            output.say(f"{short_id(name)} is unchanged.")
            yield None
            return
        if not new.strip():
            raise Mem0TrayError(
                "The text is empty; nothing was changed.",
                f"To delete the memory: `mem0tray delete {called}`.",
            )
        yield new


@contextmanager
def _opened(paths: Paths, name: str, project: str, text: str) -> Iterator[Path]:
    """Put the text into a file (0600) for an editor, in a folder of its own that goes with it.

    When an error leads out, a text that was changed stays, and is named. Raises Mem0TrayError.
    """
    private_folders.make_private_folder(paths.edits)
    folder = Path(tempfile.mkdtemp(prefix="open-", dir=paths.edits))
    path = folder / f"{''.join(sign if sign.isalnum() else '_' for sign in name[:8])}.txt"
    data, is_kept = text.encode("utf-8", "surrogatepass"), False
    try:
        atomic.replace(path, data)
        yield path
    except BaseException as error:
        with suppress(OSError):
            is_kept = regular_file.read_bytes(path).strip() not in (data.strip(), b"")
        if is_kept and isinstance(error, Mem0TrayError):
            remedy = error.remedy
            if isinstance(error, NotFoundError):
                add = f"mem0tray add --project {programs.quote(project or 'P')} -"
                remedy = f"To queue it: `{add} < {programs.quote(str(path))}`."
            raise Mem0TrayError(f"{error.message} Your text is in {path}.", remedy) from error
        if is_kept:  # by a signal, perhaps after the change
            show = f"`mem0tray show {short_id(name)}` shows the memory's."
            output.remark(f"Your text is in {path}; {show}")
        raise
    finally:
        if not is_kept:
            shutil.rmtree(folder, ignore_errors=True)
            private_folders.drop_empty(paths.edits)


def _read(file: Path) -> str:
    try:
        with atomic.explained(file):
            return regular_file.read_bytes(file).decode("utf-8-sig", "surrogatepass")
    except UnicodeDecodeError as error:
        why = "What the editor saved is not UTF-8; nothing was changed."
        raise Mem0TrayError(why, "Save it as UTF-8.") from error
