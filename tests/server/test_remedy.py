"""What to do about an answer of the server."""

import pytest

from mem0tray.server.remedy import REWORD, of_no_tls, of_redirect, of_refusal, of_rejection

KEY = "Set the key that it wants with `mem0tray config set server.api_key`."
RIGHTS = (
    "Set a key that may save with `mem0tray config set server.api_key`, or allow it on the server."
)
PROJECT = (
    "Look whether the server knows this project, and whether the address is right:"
    " `mem0tray config get server.url`."
)
LARGE = (
    "It is too large for the server: shorten it with `mem0tray edit ID`,"
    " or have the server take more."
)
ADDRESS = "Set the right address with `mem0tray config set server.url ADDRESS`."
CHANGE = "Change it with `mem0tray edit ID`, or delete it with `mem0tray delete ID`."
WAIT = "Nothing to do: it is tried again automatically."
FAULT = "The fault is the server's: see its log. The memory is tried again automatically."


@pytest.mark.parametrize(
    ("status", "remedy", "by_itself"),
    [
        (401, KEY, False),
        (403, RIGHTS, False),
        (404, PROJECT, False),
        (405, PROJECT, False),
        (413, LARGE, False),
        (302, ADDRESS, False),
        (400, CHANGE, False),
        (None, CHANGE, False),
        (422, CHANGE, False),
        (499, CHANGE, False),
        (429, WAIT, True),
        (500, FAULT, True),
        (507, FAULT, True),
    ],
)
def test_a_rejected_memory_has_its_remedy(
    status: int | None, remedy: str, *, by_itself: bool
) -> None:
    """Each answer to one memory says what to do, and whether it may end by itself."""
    found, ends = of_rejection(status)
    assert (str(found), ends) == (remedy, by_itself)


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, KEY),
        (403, RIGHTS),
        (404, ADDRESS),
        (None, ADDRESS),
    ],
)
def test_a_server_that_refuses_all_has_its_remedy(status: int | None, remedy: str) -> None:
    """Where every delivery is refused, key, rights or address are to be set."""
    assert str(of_refusal(status)) == remedy


def test_whoever_shows_a_remedy_fills_in_the_memory() -> None:
    """The id of the memory is an argument that can be replaced."""
    assert str(REWORD.replaced("id", "7f")) == CHANGE.replace("ID", "7f")


SET = "If your server is there, set its address: `mem0tray config set server.url {}`."


@pytest.mark.parametrize(
    ("address", "remedy"),
    [
        ("https://a.test/memory", SET.format("https://a.test")),
        ("https://a.test/health", SET.format("https://a.test")),
        ("http://a.test:8000/api/v1/memory/project", SET.format("http://a.test:8000/api/v1")),
        ("http://memory/memory/search", SET.format("http://memory")),
        ("http://memory/memories", SET.format("http://memory")),
        ("http://memory/mem0/search", SET.format("http://memory/mem0")),
        ("http://memory/auth/setup-status", SET.format("http://memory")),
        ("http://a.test", ADDRESS),
        ("http://portal.test/login", ADDRESS),
        ("", ""),
    ],
)
def test_a_redirect_has_the_address_to_set(address: str, remedy: str) -> None:
    """Only where what was asked for stands at the end of it is the server there."""
    assert str(of_redirect(address)) == remedy


def test_no_address_helps_against_a_slash() -> None:
    """The same path with a slash cannot be asked for."""
    assert str(of_redirect("http://a.test/health/")).startswith("No address helps: ")


def test_a_server_without_tls_has_an_http_address() -> None:
    """The same but for that."""
    assert "server.url http://a.test:1/https`" in str(of_no_tls("https://a.test:1/https"))
