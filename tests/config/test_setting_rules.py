"""What each setting may be: both ends of each range, and the words for what is outside."""

import sys
from typing import Any

import pytest

from mem0tray.config import setting_rules, settings
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import quoted
from tests.support.needs import WINDOWS

ABSOLUTE = "C:/x" if WINDOWS else "/x"
# Key, the least and the greatest that may be, the nearest beyond.
RANGES = [
    ("sync.probe_interval", 0.01, 86400.0, 0.009, 86400.1),
    ("sync.idle_probe_interval", 0.01, 86400.0, 0.009, 86400.1),
    ("sync.retry_interval", 0.0, 86400.0, -0.1, 86400.1),
    ("sync.max_attempts", 1, 1000, 0, 1001),
    ("sync.timeout", 0.01, 600.0, 0.009, 600.1),
    ("sync.concurrency", 1, 64, 0, 65),
    ("server.local_port", 0, 65535, -1, 65536),
    ("retention.discarded", 0.0, 36500.0, -0.1, 36500.1),
    ("log.max_bytes", 10_000, 10**12, 9_999, 10**12 + 1),
    ("log.backups", 0, 100, -1, 101),
    ("alerts.investigate", 0, 10**6, -1, 10**6 + 1),
    ("alerts.dlq_size", 0, 10**6, -1, 10**6 + 1),
    ("alerts.after", 0.0, 525600.0, -0.1, 525600.1),
    ("alerts.max_age", 0.0, 3650.0, -0.1, 3650.1),
]
# Key, what may be, what may not, what is expected.
TEXTS = [
    (
        "server.dialect",
        ["auto", "vps", "oss", "platform"],
        ["", "VPS", "hosted"],
        "one of auto, vps, oss, platform",
    ),
    ("server.user", ["", "me", "me and you"], [" "], "a name, or nothing"),
    (
        "server.api_key",
        ["", "sesame", " sesame "],
        ["se same", "   ", "sésame"],
        "text without blanks, control characters or letters beyond ASCII",
    ),
    ("server.ca_file", ["", ABSOLUTE, "~/ca.pem"], ["ca.pem", "./ca.pem"], "an absolute path"),
    (
        "server.url",
        ["", "local", "http://h", "https://h:8443/x", "http://[::1]:80", "https://h:65535/x"],
        ["h:80", "ftp://h", "Local", "mem0.example.com"],
        '"local" or an http:// or https:// address, as "https://mem0.example.com"',
    ),
    ("ui.language", ["", "en", "fr"], ["de", "FR"], "one of en, fr"),
    (
        "notifications.level",
        ["all", "problems", "none"],
        ["", "some"],
        "one of all, problems, none",
    ),
    (
        "alerts.command",
        ["", "notify-send Mem0", "sh -c 'cat > x'"],
        ["   ", *([] if WINDOWS else ['echo "open'])],
        "a command line whose quotes are closed",
    ),
    (
        "paths.claude_dir",
        [ABSOLUTE, "~/.claude"],
        [".claude", ""],
        'an absolute path, as "/home/you/.claude" or "~/.claude"',
    ),
]


def checked(key: str, value: Any) -> Any:
    return setting_rules.checked(key, value, settings.keys()[key], quoted("it"), quoted("Do it."))


def refusal(key: str, value: object) -> str:
    with pytest.raises(SettingsError) as caught:
        checked(key, value)
    assert caught.value.remedy == "Do it."
    return caught.value.message


def test_each_setting_has_a_rule_or_is_a_yes_or_no() -> None:
    ruled = {rule[0] for rule in RANGES} | {rule[0] for rule in TEXTS}
    assert ruled == {key for key, kind in settings.keys().items() if kind is not bool}


@pytest.mark.parametrize(("key", "least", "most", "below", "above"), RANGES)
def test_a_number_may_be_within_its_range(
    key: str, least: float, most: float, below: float, above: float
) -> None:
    kind = "a whole number" if isinstance(least, int) else "a number"
    expected = f"{kind} from {least:.12g} to {most:.13g}"
    assert checked(key, least) == least
    assert checked(key, most) == most
    for wrong in (below, above):
        assert refusal(key, wrong) == f"it is {wrong!r}, but it must be {expected}."


@pytest.mark.parametrize(("key", "good", "bad", "expected"), TEXTS)
def test_a_text_is_one_of_those_that_may_be(
    key: str, good: list[str], bad: list[str], expected: str
) -> None:
    for value in good:
        assert checked(key, value) == value
    for value in bad:
        told = "" if key in settings.SECRETS else f" is {value!r}, but it"
        assert refusal(key, value) == f"it{told} must be {expected}."


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("server.allow_plain_key", "yes", "true or false"),
        ("server.allow_plain_key", 1, "true or false"),
        ("sync.max_attempts", 5.5, "a whole number"),
        ("sync.timeout", "soon", "a number"),
        ("server.url", 5, "text"),
    ],
)
def test_a_value_of_another_type_is_refused(key: str, value: object, expected: str) -> None:
    assert refusal(key, value) == f"it is {value!r}, but it must be {expected}."


def test_a_wrong_value_is_shown_as_it_was_written_and_not_too_long() -> None:
    assert refusal("sync.timeout", -3.0).startswith("it is -3, ")
    assert refusal("server.url", "x" * 98).startswith(f"it is '{'x' * 98}', ")  # a hundred
    assert refusal("server.url", "x" * 99).startswith(f"it is '{'x' * 99}…, ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", True), ("true", True), (" Yes ", True), ("ON", True),
        ("0", False), ("false", False), ("no", False), ("Off", False),
        ("2", "2"), ("", ""),
    ],
)  # fmt: skip
def test_yes_and_no_are_read_in_each_spelling(text: str, value: object) -> None:
    assert setting_rules.parse(text, bool) is value or setting_rules.parse(text, bool) == value


def test_windows_takes_a_command_line_apart_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert checked("alerts.command", 'msg "x') == 'msg "x'
    assert refusal("alerts.command", "   ")
