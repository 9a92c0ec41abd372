"""Which addresses and keys may be used."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mem0tray.config.server_address import ServerAddress, is_loopback
from mem0tray.config.settings import ServerSettings
from mem0tray.core.errors import SettingsError
from tests.support.certificates import Authority

KEY = "sesame-4711"


def refusal(made: Callable[..., ServerAddress], *values: Any, **named: Any) -> tuple[str, str]:
    """Return message and remedy."""
    with pytest.raises(SettingsError) as caught:
        made(*values, **named)
    return caught.value.message, caught.value.remedy


@pytest.mark.parametrize(
    ("url", "normal", "host", "port"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "127.0.0.1:8000", 8000),
        ("HTTPS://Mem0.Example.COM/", "https://mem0.example.com", "mem0.example.com", 443),
        ("https://a.test:443/api/v1//", "https://a.test/api/v1", "a.test", 443),
        ("http://[::1]:9/", "http://[::1]:9", "[::1]:9", 9),
        ("http://0.0.0.0:9", "http://127.0.0.1:9", "127.0.0.1:9", 9),
        ("http://[::]:9", "http://[::1]:9", "[::1]:9", 9),
        (" http://mem0 ", "http://mem0", "mem0", 80),
        ("http://bücher.test", "http://xn--bcher-kva.test", "xn--bcher-kva.test", 80),
    ],
)
def test_an_address_has_one_normal_form(url: str, normal: str, host: str, port: int) -> None:
    found = ServerAddress.of(url, KEY, allow_plain_key=True)
    assert KEY not in repr(found)
    assert (found.url, found.host, found.port) == (normal, host, port)
    assert found.plain_http == normal.startswith("http:")


@pytest.mark.parametrize(
    "url",
    [
        "mem0.test",
        "ftp://mem0.test",
        "http://mem0.test:0",
        "http://mem0.test:99999",
        "http://mem0.test?x=1",
        "http://mem0.test/#x",
        "http://mem0.test/a b",
        "http://mem0.test/é",
        "http://a_%41.test",
        "http://[::1",
        "http://[fe80::1%25eth0]",
        "http://" + "é" * 100,
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    _, remedy = refusal(ServerAddress.of, url)
    form = "It must look like https://mem0.example.com or http://192.168.1.20:8000."
    assert remedy in {form, "Correct it: `mem0tray config set server.url ADDRESS`."}


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("mem0.localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("192.168.1.1", False),
        ("0.0.0.0", False),  # noqa: S104
    ],
)
def test_loopback_is_what_can_mean_nothing_else(host: str, *, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("url", ["http://mem0.test", "http://192.168.1.20:8000"])
def test_a_key_does_not_go_in_the_clear_to_another_machine(url: str) -> None:
    host = url.removeprefix("http://")
    assert refusal(ServerAddress.of, url, KEY) == (
        f"The API key would go unencrypted to {host}, readable on the way.",
        "Use an https:// address, or allow it with server.allow_plain_key = true.",
    )
    assert ServerAddress.of(url, KEY, allow_plain_key=True).token == KEY
    assert ServerAddress.of(url).plain_http


@pytest.mark.parametrize("key", ["two words", "new\nline", "schlüssel", "nul\x00"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(SettingsError, match="contains blanks, control characters") as caught:
        ServerAddress.of("https://mem0.test", key)
    assert key not in str(caught.value)


def test_a_destination_comes_from_the_settings(tmp_path: Path) -> None:
    file = str(Authority(tmp_path).file)
    settings = ServerSettings(url="https://mem0.test", api_key=KEY, ca_file=file)
    found = ServerAddress.from_settings(settings)
    assert (found.url, found.token, found.ca_file) == ("https://mem0.test", KEY, file)
    settings = ServerSettings(url="http://mem0.test", api_key=KEY, allow_plain_key=True)
    assert ServerAddress.from_settings(settings).token == KEY


@pytest.mark.parametrize("url", ["", "local"])
def test_without_an_address_it_is_said_how_to_set_one(url: str) -> None:
    assert refusal(ServerAddress.from_settings, ServerSettings(url=url)) == (
        "No server's address has been set.",
        "Set it with `mem0tray config set server.url ADDRESS`.",
    )


def test_a_file_of_authorities_must_hold_some(tmp_path: Path) -> None:
    for name, content in (("missing", None), ("empty", b""), ("text", b"no certificate")):
        file = tmp_path / name
        if content is not None:
            file.write_bytes(content)
        message, remedy = refusal(ServerAddress.of, "https://mem0.test", ca_file=str(file))
        assert name in message
        assert remedy == (
            "Name a PEM file with the authority's certificate,"
            " or type `mem0tray config unset server.ca_file`."
        )


@pytest.mark.parametrize("ahead", ["", "me:secret@", "me@home:secret@"])
def test_an_address_that_cannot_be_used_is_shown_without_its_user(ahead: str) -> None:
    message, _ = refusal(ServerAddress.of, f"http://{ahead}mem0.test:0")
    shown = "mem0.test:0" if ahead else "http://mem0.test:0"
    assert message == f"{shown!r} cannot be used as a server's address."


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("localhost", ("127.0.0.1", "::1")),
        ("mem0.localhost.", ("127.0.0.1", "::1")),
        ("127.0.0.2", ("127.0.0.2",)),
        ("notlocalhost", ("notlocalhost",)),
        ("mem0.test", ("mem0.test",)),
    ],
)
def test_no_resolver_is_asked_for_a_name_of_this_computer(
    host: str, addresses: tuple[str, ...]
) -> None:
    assert ServerAddress.of(f"http://{host}:9").addresses == addresses
