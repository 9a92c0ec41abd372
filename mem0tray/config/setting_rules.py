"""What each setting may be: one rule for each, and the error that says what is expected."""

import json
import os
import re
import sys
from collections.abc import Callable
from math import inf
from typing import Any, Final

from mem0tray.core import reasons
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import Reason

LOCAL_URL = "local"
SECRETS = frozenset({"server.api_key"})
LONGEST = 8192  # characters of a text
# The choices of a setting; `ui.language` may be empty too.
CHOICES = {
    "server.dialect": ("auto", "vps", "oss", "platform"),
    "ui.language": ("en", "fr"),
    "notifications.level": ("all", "problems", "none"),
}
_RANGES: Final[dict[str, tuple[float, float]]] = {
    "sync.probe_interval": (0.01, 86400),
    "sync.idle_probe_interval": (0.01, 86400),
    "sync.retry_interval": (0, 86400),
    "sync.max_attempts": (1, 1000),
    "sync.timeout": (0.01, 600),
    "sync.concurrency": (1, 64),
    "server.local_port": (0, 65535),
    "retention.discarded": (0, 36500),
    "log.max_bytes": (10_000, 10**12),
    "log.backups": (0, 100),
    "alerts.investigate": (0, 10**6),
    "alerts.dlq_size": (0, 10**6),
    "alerts.after": (0, 525600),
    "alerts.max_age": (0, 3650),
}
_SHOWN = 100  # characters of a wrong value
_CONTROLS = "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"  # and halves of characters


def is_token(key: str) -> bool:
    """Return whether a key fits a header; blanks around it do not count."""
    token = key.strip(" ")
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


def _is_absolute(value: str) -> bool:
    return os.path.isabs(os.path.expanduser(value))  # noqa: PTH111, PTH117  (Path raises)


def _is_command_line(value: str) -> bool:
    if sys.platform == "win32":  # Windows splits a command line itself
        return bool(value.strip())
    import shlex  # slow to import, and needed only with a command

    try:
        return bool(shlex.split(value))
    except ValueError:
        return False


# What the text of a setting must be, unless it is empty.
_TEXTS: Final[dict[str, tuple[Callable[[str], bool], Reason]]] = {
    "server.api_key": (
        is_token, Reason("text without blanks, control characters or letters beyond ASCII"),
    ),
    "server.user": (lambda value: bool(value.strip()), Reason("a name, or nothing")),
    "server.ca_file": (_is_absolute, Reason("an absolute path")),
    "server.url": (  # `ServerAddress` checks the rest
        lambda value: value == LOCAL_URL or value.lower().startswith(("http://", "https://")),
        Reason('"local" or an http:// or https:// address, as "https://mem0.example.com"'),
    ),
    "alerts.command": (_is_command_line, Reason("a command line whose quotes are closed")),
    "paths.claude_dir": (
        lambda value: _is_absolute(value) and "\0" not in value,
        Reason('an absolute path, as "/home/you/.claude" or "~/.claude"'),
    ),
}  # fmt: skip
_TYPES = {
    bool: Reason("true or false"),
    int: Reason("a whole number"),
    float: Reason("a number"),
    str: Reason("text"),
}
_BOOLEANS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def parse(text: str, kind: type) -> Any:
    """Return an environment or command-line text as `kind`, or the text itself if it is none."""
    if kind is bool:
        return _BOOLEANS.get(text.strip().lower(), text)
    try:
        return kind(text)
    except ValueError:
        return text


def checked(key: str, value: Any, kind: type, where: Reason, remedy: Reason = reasons.NONE) -> Any:
    """Return `value` as `kind`, if `key` may have it; else raise SettingsError.

    That names `where` the value stands, the value unless it is a secret, and what is expected.
    """
    if kind is float and type(value) is int:
        value = float(value)
    wrong = _expected(key, value) if type(value) is kind else _TYPES[kind]
    if wrong and key in SECRETS:
        said = Reason("{where} must be {expected}.", where=where, expected=wrong)
        raise SettingsError(said, remedy)
    if wrong:
        shown = (
            repr(value).removesuffix(".0")
            if type(value) in (str, float)
            else json.dumps(value, default=str)
        )
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        raise wrong_value(where, reasons.quoted(shown), wrong, remedy)
    return value


def _expected(key: str, value: Any) -> Reason:
    """Return what `key` must be, if `value` of the right type is not that; else nothing."""
    if not isinstance(value, str):
        least, most = _RANGES.get(key, (-inf, inf))
        if least <= value <= most:
            return reasons.NONE
        if isinstance(value, int):
            return Reason("a whole number from {least} to {most}", least=least, most=most)
        return Reason("a number from {least} to {most}", least=least, most=most)
    if len(value) > LONGEST:
        return Reason("text of at most {number} characters", number=LONGEST)
    # Nearly every text is printable: only others need the expression, which is slow to compile.
    if not value.isprintable() and re.search(_CONTROLS, value):
        return Reason("text without line breaks and other control characters")
    if key in _TEXTS:
        is_met, expected = _TEXTS[key]
        is_right = is_met(value) or (not value and key != "paths.claude_dir")
    else:
        expected = Reason("one of {choices}", choices=", ".join(CHOICES[key]))
        is_right = value in CHOICES[key] or (not value and key == "ui.language")
    return reasons.NONE if is_right else expected


def wrong_value(where: Reason, shown: Reason, expected: Reason, remedy: Reason) -> SettingsError:
    """Return the error for a value that cannot be used."""
    words = {"where": where, "shown": shown, "expected": expected}
    return SettingsError(Reason("{where} is {shown}, but it must be {expected}.", **words), remedy)
