"""What each setting may be: one rule a line, and the error that says what is expected."""

import os
import re
import sys
from typing import Any

from mem0tray.core import reasons
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import Reason

LOCAL_URL = "local"
SECRETS = frozenset({"server.api_key"})
LONGEST = 8192  # characters of a text
# What can be chosen from; `server.url` may be an address too.
CHOICES = {
    "server.dialect": ("vps",),
    "server.url": (LOCAL_URL,),
    "ui.language": ("en", "fr"),
    "notifications.level": ("all", "problems", "none"),
}
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_CONTROL = "[\x00-\x1f\x7f-\x9f\u2028\u2029]"
_SHOWN = 100  # characters of a wrong value


# One line for each rule: key, test, what is expected.
_RANGES: tuple[tuple[str, Any, Reason], ...] = (
    (
        "sync.probe_interval",
        lambda v: 0.01 <= v <= 86400,
        Reason("seconds from {least} to {most}", least=0.01, most=86400),
    ),
    (
        "sync.retry_interval",
        lambda v: 0 <= v <= 86400,
        Reason("seconds from {least} to {most}", least=0, most=86400),
    ),
    (
        "sync.max_attempts",
        lambda v: 1 <= v <= 1000,
        Reason("a whole number from {least} to {most}", least=1, most=1000),
    ),
    (
        "sync.timeout",
        lambda v: 0.01 <= v <= 600,
        Reason("seconds from {least} to {most}", least=0.01, most=600),
    ),
    (
        "sync.concurrency",
        lambda v: 1 <= v <= 64,
        Reason("a whole number from {least} to {most}", least=1, most=64),
    ),
    (
        "server.local_port",
        lambda v: 0 <= v <= 65535,
        Reason("a port from {least} to {most}", least=0, most=65535),
    ),
    ("server.dialect", lambda v: v in CHOICES["server.dialect"], reasons.quoted('"vps"')),
    (
        "server.api_key",
        lambda v: not v or _is_token(v),
        Reason("text without blanks, control characters or letters beyond ASCII"),
    ),
    ("server.ca_file", lambda v: not v or _is_absolute(v), Reason("an absolute path")),
    ("server.url", lambda v: _is_url(v), Reason('"local" or an http:// or https:// address')),  # noqa: PLW0108  (it stands below)
    (
        "retention.discarded",
        lambda v: 0 <= v <= 36500,
        Reason("days from {least} to {most}", least=0, most=36500),
    ),
    (
        "log.max_bytes",
        lambda v: 10_000 <= v <= 10**12,
        Reason("bytes from {least} to {most}", least=10000, most=1000000000000),
    ),
    (
        "log.backups",
        lambda v: 0 <= v <= 100,
        Reason("a whole number from {least} to {most}", least=0, most=100),
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
        "alerts.investigate",
        lambda v: 0 <= v <= 10**6,
        Reason("a whole number from {least} to {most}", least=0, most=1000000),
    ),
    (
        "alerts.dlq_size",
        lambda v: 0 <= v <= 10**6,
        Reason("a whole number from {least} to {most}", least=0, most=1000000),
    ),
    (
        "alerts.after",
        lambda v: 0 <= v <= 525600,
        Reason("minutes from {least} to {most}", least=0, most=525600),
    ),
    (
        "alerts.max_age",
        lambda v: 0 <= v <= 3650,
        Reason("days from {least} to {most}", least=0, most=3650),
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
    wrong = reasons.NONE if type(value) is kind else expected
    if kind is str and not wrong:
        wrong = _wrong_text(value)
    for name, test, wanted in _RANGES:
        if name == key and not wrong and not test(value):
            wrong = wanted
    if wrong:
        told = Reason("a value") if key in SECRETS else reasons.quoted(_shown(value))
        raise wrong_value(where, told, wrong, remedy)
    return value


def wrong_value(where: Reason, shown: Reason, expected: Reason, remedy: Reason) -> SettingsError:
    """What to say of a value that cannot be used."""
    return SettingsError(
        Reason(
            "{where} is {shown}, but it must be {expected}.",
            where=where, shown=shown, expected=expected,
        ),
        remedy,
    )  # fmt: skip


def _wrong_text(value: str) -> Reason:
    """What any text must be that `value` is not, or nothing."""
    if len(value) > LONGEST:
        return Reason("text of at most {number} characters", number=LONGEST)
    # Nearly every text is printable: the expression, slow to make, is for those that are not.
    if not value.isprintable() and re.search(_CONTROL, value):
        return Reason("text without line breaks and other control characters")
    return reasons.NONE


def _shown(value: Any) -> str:
    """A wrong value, as it was written and not too long."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _is_url(value: str) -> bool:
    if value in ("", LOCAL_URL):
        return True
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_token(value: str) -> bool:
    """Whether it fits a header; blanks around it are not part of it."""
    token = value.strip(" ")
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


def _is_absolute(value: str) -> bool:
    """Whether it names one file, whatever folder a program is started in."""
    return os.path.isabs(os.path.expanduser(value))  # noqa: PTH111, PTH117  (Path raises)


def _is_command_line(value: str) -> bool:
    if sys.platform == "win32":  # it takes a command line apart by itself
        return bool(value.strip())
    import shlex  # only those pay who have a command

    try:
        return bool(shlex.split(value))
    except ValueError:
        return False
