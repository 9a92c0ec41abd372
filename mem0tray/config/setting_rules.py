"""What each setting may be: one rule for each, and the error that says what is expected."""

import os
import re
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

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
_SCHEMES = ("http://", "https://")
_SHOWN = 100  # characters of a wrong value
_CONTROLS = "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"  # and halves of characters


class _Rule(NamedTuple):
    """A test of a value that has the right type, and what is expected."""

    is_met: Callable[[Any], bool]
    expected: Reason


def _range(least: float, most: float, expected: Reason) -> _Rule:
    in_words = Reason(expected.id, least=least, most=most)
    return _Rule(lambda value: least <= value <= most, in_words)


def _choice(key: str, expected: Reason, *, may_be_empty: bool = False) -> _Rule:
    return _Rule(lambda value: value in CHOICES[key] or (may_be_empty and not value), expected)


def is_token(key: str) -> bool:
    """Return whether a key fits a header; blanks around it do not count."""
    token = key.strip(" ")
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


def _is_absolute(value: str) -> bool:
    """Return whether a path names one file, whatever folder a program is started in."""
    return os.path.isabs(os.path.expanduser(value))  # noqa: PTH111, PTH117  (Path raises)


def _is_command_line(value: str) -> bool:
    if sys.platform == "win32":  # Windows splits a command line itself
        return bool(value.strip())
    import shlex  # slow to import, and needed only with a command

    try:
        return bool(shlex.split(value))
    except ValueError:
        return False


_SECONDS = Reason("seconds from {least} to {most}")
_MINUTES = Reason("minutes from {least} to {most}")
_DAYS = Reason("days from {least} to {most}")
_NUMBER = Reason("a whole number from {least} to {most}")
_PORT = Reason("a port from {least} to {most}")
_BYTES = Reason("bytes from {least} to {most}")
_RULES = {
    "sync.probe_interval": _range(0.01, 86400, _SECONDS),
    "sync.idle_probe_interval": _range(0.01, 86400, _SECONDS),
    "sync.retry_interval": _range(0, 86400, _SECONDS),
    "sync.max_attempts": _range(1, 1000, _NUMBER),
    "sync.timeout": _range(0.01, 600, _SECONDS),
    "sync.concurrency": _range(1, 64, _NUMBER),
    "server.local_port": _range(0, 65535, _PORT),
    "retention.discarded": _range(0, 36500, _DAYS),
    "log.max_bytes": _range(10_000, 10**12, _BYTES),
    "log.backups": _range(0, 100, _NUMBER),
    "alerts.investigate": _range(0, 10**6, _NUMBER),
    "alerts.dlq_size": _range(0, 10**6, _NUMBER),
    "alerts.after": _range(0, 525600, _MINUTES),
    "alerts.max_age": _range(0, 3650, _DAYS),
    "server.dialect": _choice("server.dialect", Reason('"auto", "vps", "oss" or "platform"')),
    "server.api_key": _Rule(
        lambda value: not value or is_token(value),
        Reason("text without blanks, control characters or letters beyond ASCII"),
    ),
    "server.user": _Rule(
        lambda value: not value or bool(value.strip()), Reason("a name, or nothing")
    ),
    "server.ca_file": _Rule(
        lambda value: not value or _is_absolute(value), Reason("an absolute path")
    ),
    "server.url": _Rule(  # `ServerAddress` checks the rest
        lambda value: value in ("", LOCAL_URL) or value.lower().startswith(_SCHEMES),
        Reason('"local" or an http:// or https:// address, as "https://mem0.example.com"'),
    ),
    "ui.language": _choice(
        "ui.language",
        Reason('"en" or "fr"; `mem0tray config unset ui.language` takes the system\'s'),
        may_be_empty=True,
    ),
    "notifications.level": _choice("notifications.level", Reason('"all", "problems" or "none"')),
    "alerts.command": _Rule(
        lambda value: not value or _is_command_line(value),
        Reason("a command line whose quotes are closed"),
    ),
    "paths.claude_dir": _Rule(
        lambda value: _is_absolute(value) and "\0" not in value,
        Reason('an absolute path, as "/home/you/.claude" or "~/.claude"'),
    ),
}
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
        raise wrong_value(where, reasons.quoted(_shown(value)), wrong, remedy)
    return value


def _expected(key: str, value: Any) -> Reason:
    """Return what `key` must be, if `value` of the right type is not that; else nothing."""
    if isinstance(value, str):
        if len(value) > LONGEST:
            return Reason("text of at most {number} characters", number=LONGEST)
        # Nearly every text is printable: only others need the expression, which is slow to compile.
        if not value.isprintable() and re.search(_CONTROLS, value):
            return Reason("text without line breaks and other control characters")
    rule = _RULES.get(key)
    return reasons.NONE if rule is None or rule.is_met(value) else rule.expected


def wrong_value(where: Reason, shown: Reason, expected: Reason, remedy: Reason) -> SettingsError:
    """Return the error for a value that cannot be used."""
    words = {"where": where, "shown": shown, "expected": expected}
    return SettingsError(Reason("{where} is {shown}, but it must be {expected}.", **words), remedy)


def _shown(value: Any) -> str:
    """Return a wrong value as it was written, and not too long."""
    if isinstance(value, bool):
        return str(value).lower()
    is_plain = isinstance(value, str | float | int)
    text = repr(value).removesuffix(".0") if is_plain else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
