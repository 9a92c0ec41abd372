"""What is wrong, and what to do, as data: made where it is known, put into words where it is shown.

A `Reason` is one of our sentences with the values in it. Log, files and commands say it in
English (`str`), menu, notifications and window in the user's language (`said`). Code
that depends on a reason looks at its `id` and arguments, and never at words.
"""

import errno
from collections.abc import Callable, Iterator
from os import PathLike, fspath
from string import Formatter
from typing import TYPE_CHECKING, Any, Final, Union

if TYPE_CHECKING:
    from mem0tray.core.language import Language  # slow to import, and commands do without

Argument = Union[str, float, "Reason"]
_QUOTED: Final = "{text}"
_SENTENCE: Final = "{text!S}"  # with a capital and a full stop
_BARE: Final = "{text!B}"  # without a full stop
_STOPPED: Final = "{text!B}."
_ADVISED: Final = "{what} {remedy}"
_DEEPEST: Final = 8  # reasons within reasons; a deeper one in a file is none of ours
_LONGEST: Final = 2000  # characters of an id in a file


class Reason:
    """`id` is the English text, as gettext has it: `{names}` stand for `arguments`.

    A text among the arguments is somebody else's, and stays as it is; a reason among them
    is put into the same language. `packaging/update languages` finds each `Reason("…")`.
    The empty reason is false: nothing is wrong.
    """

    # No dataclass: every command has this module, and those load half the compiler.
    __slots__ = ("arguments", "id")

    def __init__(self, id: str = "", /, **arguments: Argument | PathLike[str]) -> None:  # noqa: A002
        self.id: Final = id
        self.arguments: Final[tuple[tuple[str, Argument], ...]] = tuple(
            (name, fspath(value) if isinstance(value, PathLike) else value)
            for name, value in arguments.items()
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reason):
            return NotImplemented
        return self.id == other.id and self.arguments == other.arguments

    def __hash__(self) -> int:
        return hash((self.id, self.arguments))

    def __repr__(self) -> str:
        said = "".join(f", {name}={value!r}" for name, value in self.arguments)
        return f"Reason({self.id!r}{said})"

    def __str__(self) -> str:
        return _filled(self.id, self.arguments, str)

    def __bool__(self) -> bool:
        return bool(self.id)

    def said(self, language: "Language") -> str:
        text = language.gettext(self.id) if self.id else ""
        return _filled(text, self.arguments, lambda reason: reason.said(language))

    def get(self, name: str) -> Argument | None:
        return dict(self.arguments).get(name)

    def find(self, id: str) -> "Reason | None":  # noqa: A002
        """Return this reason or the first among its arguments that has this id."""
        return next((each for each in _all(self) if each.id == id), None)

    def replaced(self, name: str, value: Argument) -> "Reason":
        """Return the reason with another argument of that name, wherever it has one."""
        changed = {
            key: each.replaced(name, value) if isinstance(each, Reason) else each
            for key, each in self.arguments
        }
        return Reason(self.id, **(changed | {name: value} if name in changed else changed))

    def document(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "arguments": {
                name: value.document() if isinstance(value, Reason) else value
                for name, value in self.arguments
            },
        }


NONE: Final = Reason()
NO_NETWORK: Final = Reason("Network is unreachable")


def read(id: Any, arguments: Any) -> Reason:  # noqa: A002
    """Read the reason that a `document` holds, which anybody may have written; else NONE."""
    return _read(id, arguments, _DEEPEST)


def quoted(text: str) -> Reason:
    """Return the words of somebody else: a server, the system, a file. Empty ones are no reason."""
    return Reason(_QUOTED, text=text) if text else NONE


def is_quoted(reason: Reason) -> bool:
    """Return whether a reason is nothing but the words of somebody else."""
    return reason.id == _QUOTED


def of(text: str | Reason) -> Reason:
    """Return a reason as it is; a text as the words of somebody else."""
    return text if isinstance(text, Reason) else quoted(text)


def sentence(reason: Reason) -> Reason:
    """Return this reason as a sentence: with a capital and a full stop."""
    return Reason(_SENTENCE, text=reason) if reason else NONE


def bare(reason: Reason) -> Reason:
    """Return this reason without a full stop at its end."""
    return Reason(_BARE, text=reason) if reason else NONE


def stopped(reason: Reason) -> Reason:
    """Return this reason with one full stop at its end."""
    return Reason(_STOPPED, text=reason) if reason else NONE


def advised(what: Reason, remedy: Reason) -> Reason:
    """Join what is wrong and what to do; either may be empty."""
    return Reason(_ADVISED, what=what, remedy=remedy) if what and remedy else what or remedy


def parted(reason: Reason) -> tuple[Reason, Reason]:
    """Return what is wrong, and what to do (empty where the reason does not say)."""
    what, remedy = reason.get("what"), reason.get("remedy")
    if isinstance(what, Reason) and isinstance(remedy, Reason):
        return what, remedy
    return reason, NONE


def of_system(error: OSError) -> Reason:
    """Return what an error of the system is: a reason of ours if those are the system's words."""
    known = _OF_THE_SYSTEM.get(error.errno or 0)
    words = error.strerror or str(error)
    return known if known is not None and str(known) == words else quoted(words)


_OF_THE_SYSTEM: Final = {
    errno.ENOSPC: Reason("No space left on device"),
    errno.EDQUOT: Reason("Disk quota exceeded"),
    errno.EACCES: Reason("Permission denied"),
    errno.EROFS: Reason("Read-only file system"),
    errno.EIO: Reason("Input/output error"),
    errno.ENOENT: Reason("No such file or directory"),
    errno.EISDIR: Reason("Is a directory"),
    errno.EHOSTUNREACH: Reason("No route to host"),
    errno.ENETUNREACH: NO_NETWORK,
}


def _read(id: Any, arguments: Any, depth: int) -> Reason:  # noqa: A002
    if (
        not isinstance(id, str)
        or len(id) > _LONGEST
        or not isinstance(arguments, dict)
        or not depth
    ):
        return NONE
    found = {
        str(name): _read(value.get("id"), value.get("arguments"), depth - 1)
        if isinstance(value, dict)
        else value
        for name, value in arguments.items()
        if isinstance(value, dict | str | int | float)
    }
    return Reason(id, **found)


def _all(reason: Reason) -> Iterator[Reason]:
    yield reason
    for _, value in reason.arguments:
        if isinstance(value, Reason):
            yield from _all(value)


def _filled(
    text: str, arguments: tuple[tuple[str, Argument], ...], say: Callable[[Reason], str]
) -> str:
    """`text` with its arguments filled in; no other feature of formats is honoured."""
    known = dict(arguments)
    try:
        parts = list(Formatter().parse(text))
    except ValueError:  # from a file that somebody else wrote
        return text
    result = ""
    for words, name, _, conversion in parts:
        result += words
        if name is None:
            continue
        value = known.get(name, f"{{{name}}}")
        filled = say(value) if isinstance(value, Reason) else str(value)
        result += _CONVERSIONS.get(conversion or "", str)(filled)
    return result


_CONVERSIONS: Final[dict[str, Callable[[str], str]]] = {
    "S": lambda text: f"{text[:1].upper()}{text[1:].rstrip('.')}.",
    "B": lambda text: text.rstrip("."),
}
