"""What each setting may be: one rule a line, and the error that says what is expected."""

import os
import re
import sys
from collections.abc import Callable
from typing import Any

from mem0tray.core import reasons
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import Reason

LOCAL_URL = "local"
SECRETS = frozenset({"server.api_key"})
LONGEST = 8192  # characters of a text
# The choices of a setting; `server.url` may be an address too.
CHOICES = {
    "server.dialect": ("auto", "vps", "oss", "platform"),
    "server.url": (LOCAL_URL,),
    "ui.language": ("en", "fr"),
    "notifications.level": ("all", "problems", "none"),
}
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_CONTROL = "[\x00-\x1f\x7f-\x9f\u2028\u2029]"
_SHOWN = 100  # characters of a wrong value

_SECONDS = Reason("seconds from {least} to {most}")
_MINUTES = Reason("minutes from {least} to {most}")
_DAYS = Reason("days from {least} to {most}")
_NUMBER = Reason("a whole number from {least} to {most}")
_PORT = Reason("a port from {least} to {most}")
_BYTES = Reason("bytes from {least} to {most}")
# One line for each number: key, the least, the most, how the range is said.
_RANGES: tuple[tuple[str, float, float, Reason], ...] = (
    ("sync.probe_interval", 0.01, 86400, _SECONDS),
    ("sync.idle_probe_interval", 0.01, 86400, _SECONDS),
    ("sync.retry_interval", 0, 86400, _SECONDS),
    ("sync.max_attempts", 1, 1000, _NUMBER),
    ("sync.timeout", 0.01, 600, _SECONDS),
    ("sync.concurrency", 1, 64, _NUMBER),
    ("server.local_port", 0, 65535, _PORT),
    ("retention.discarded", 0, 36500, _DAYS),
    ("log.max_bytes", 10_000, 10**12, _BYTES),
    ("log.backups", 0, 100, _NUMBER),
    ("alerts.investigate", 0, 10**6, _NUMBER),
    ("alerts.dlq_size", 0, 10**6, _NUMBER),
    ("alerts.after", 0, 525600, _MINUTES),
    ("alerts.max_age", 0, 3650, _DAYS),
)
# One rule for each text: key, test, what is expected.
_TEXTS: tuple[tuple[str, Callable[[str], bool], Reason], ...] = (
    (
        "server.dialect",
        lambda v: v in CHOICES["server.dialect"],
        Reason('"auto", "vps", "oss" or "platform"'),
    ),
    (
        "server.api_key",
        lambda v: not v or _is_token(v),
        Reason("text without blanks, control characters or letters beyond ASCII"),
    ),
    ("server.user", lambda v: not v or bool(v.strip()), Reason("a name, or nothing")),
    ("server.ca_file", lambda v: not v or _is_absolute(v), Reason("an absolute path")),
    ("server.url", lambda v: _can_be_port(v), Reason("an address whose port is from 1 to 65535")),  # noqa: PLW0108  (defined below)
    (
        "server.url",
        lambda v: _is_url(v),  # noqa: PLW0108  (defined below)
        Reason('"local" or an http:// or https:// address, as "https://mem0.example.com"'),
    ),
    (
        "ui.language",
        lambda v: not v or v in CHOICES["ui.language"],
        Reason('"en" or "fr"; `mem0tray config unset ui.language` takes the system\'s'),
    ),
    (
        "notifications.level",
        lambda v: v in CHOICES["notifications.level"],
        Reason('"all", "problems" or "none"'),
    ),
    (
        "alerts.command",
        lambda v: not v or _is_command_line(v),
        Reason("a command line whose quotes are closed"),
    ),
    (
        "paths.claude_dir",
        lambda v: _is_absolute(v) and "\0" not in v,
        Reason('an absolute path, as "/home/you/.claude" or "~/.claude"'),
    ),
)


def parse(text: str, kind: type) -> Any:
    """An environment or command-line text as `kind`, or the text itself if it is none."""
    if kind is bool:
        lowered = text.strip().lower()
        return True if lowered in _TRUE else False if lowered in _FALSE else text
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            return text
    return text


def checked(key: str, value: Any, kind: type, where: Reason, remedy: Reason = reasons.NONE) -> Any:
    """`value` as `kind`, if `key` may have it.

    Else SettingsError: it names `where` the value stands, the value unless that
    is a secret, and what is expected.
    """
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    expected = {
        bool: Reason("true or false"),
        int: Reason("a whole number"),
        float: Reason("a number"),
        str: Reason("text"),
    }[kind]
    wrong = _not_allowed(key, value) if type(value) is kind else expected
    if wrong:
        if key in SECRETS:
            said = Reason("{where} must be {expected}.", where=where, expected=wrong)
            raise SettingsError(said, remedy)
        raise wrong_value(where, reasons.quoted(_shown(value)), wrong, remedy)
    return value


def wrong_value(where: Reason, shown: Reason, expected: Reason, remedy: Reason) -> SettingsError:
    """The error for a value that cannot be used."""
    return SettingsError(
        Reason(
            "{where} is {shown}, but it must be {expected}.",
            where=where, shown=shown, expected=expected,
        ),
        remedy,
    )  # fmt: skip


def _not_allowed(key: str, value: Any) -> Reason:
    """What the setting `key` must be, if `value` of the right type is not that; else nothing."""
    if isinstance(value, str):
        wrong = _wrong_text(value)
        rules = (said for name, test, said in _TEXTS if name == key and not test(value))
        return wrong or next(rules, reasons.NONE)
    for name, least, most, said in _RANGES:
        if name == key and not least <= value <= most:
            return Reason(said.id, least=least, most=most)
    return reasons.NONE


def _wrong_text(value: str) -> Reason:
    """What any text must be, if `value` is not that; else nothing."""
    if len(value) > LONGEST:
        return Reason("text of at most {number} characters", number=LONGEST)
    # Nearly every text is printable: only others need the expression, which is slow to compile.
    if not value.isprintable() and re.search(_CONTROL, value):
        return Reason("text without line breaks and other control characters")
    return reasons.NONE


def _shown(value: Any) -> str:
    """A wrong value, as it was written and not too long."""
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, str | float | int):
        text = repr(value).removesuffix(".0")
    else:  # a date is written without quotes, as Python's own text has it
        text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _is_url(value: str) -> bool:
    if value in ("", LOCAL_URL):
        return True
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _can_be_port(value: str) -> bool:
    """Whether the port of an address is possible; true if there is no address or port."""
    if not _is_url(value):
        return True
    from urllib.parse import urlsplit

    try:
        return urlsplit(value).port != 0
    except ValueError:
        return False


def _is_token(value: str) -> bool:
    """Whether a key fits a header; blanks around it do not count."""
    token = value.strip(" ")
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


def _is_absolute(value: str) -> bool:
    """Whether a path names one file, whatever folder a program is started in."""
    return os.path.isabs(os.path.expanduser(value))  # noqa: PTH111, PTH117  (Path raises)


def _is_command_line(value: str) -> bool:
    if sys.platform == "win32":  # Windows splits a command line itself
        return bool(value.strip())
    import shlex  # slow to import, and needed only with a command

    try:
        return bool(shlex.split(value))
    except ValueError:
        return False
