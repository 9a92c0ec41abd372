"""mem0tray: makes sure no memory is lost on its way to its Mem0 server.

`mem0tray.add(project, text)` is for programs in Python; all other modules are the program's own,
and may change. Importing mem0tray imports only its version before it is used.
"""

from mem0tray.core.version import __version__

TYPE_CHECKING = False  # typing takes longer to import than all the rest here
if TYPE_CHECKING:
    from mem0tray.core.errors import Mem0TrayError

__all__ = ["Mem0TrayError", "__version__", "add"]


def add(project: str, text: str) -> str:
    """Queue `text` as a memory of `project`, as `mem0tray add` does, and return its id.

    The memory is on the disk when this returns, whether or not a worker runs: in the queue file,
    or after a second without its lock in the emergency file. Any thread may call it, and any
    number of processes at once. The settings file and the variables `MEM0TRAY_…` hold. Where they
    are wrong the memory is queued all the same, and the logger `mem0tray` warns of what is wrong.

    Raises, with nothing queued: TypeError where an argument is no text, ValueError where one is
    empty or blank, Mem0TrayError where no file can be written (a full disk, a read-only folder),
    the project's name is too long, or the text has more than 1,000,000 bytes.
    """
    for name, value in (("project", project), ("text", text)):
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a str, not {type(value).__name__}")
        if not value.strip():
            raise ValueError(f"{name} is empty: a memory needs a project and a text")
    from mem0tray.actions.add import queue_memory
    from mem0tray.config import settings

    loaded = settings.read()
    done = queue_memory(loaded, project, text)
    if loaded.wrong:
        import logging

        logging.getLogger("mem0tray").warning(
            "%s The memory is queued all the same, in %s.",
            " ".join(map(str, loaded.wrong)),
            done.claude_dir,
        )
    return done.id


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name == "Mem0TrayError":
            from mem0tray.core.errors import Mem0TrayError

            return Mem0TrayError
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
