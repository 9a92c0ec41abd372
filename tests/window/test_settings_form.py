"""The settings in the window: what the user changed is written, and a key stays where it is."""

import time
from unittest import mock

import pytest
from starlette.datastructures import ImmutableMultiDict
from starlette.testclient import TestClient

from mem0tray.actions import recall
from mem0tray.config import settings as config
from mem0tray.core.errors import Mem0TrayError, SettingsError
from mem0tray.core.language import Language
from mem0tray.localserver.endpoint import Endpoint
from mem0tray.window import settings_form
from mem0tray.window.guard import FORM
from mem0tray.window.routes import Window
from tests.cli.scratch import Scratch
from tests.support.standin import Standin


def test_what_others_changed_since_the_page_was_made_stays(home: Scratch) -> None:
    home.ok("config", "set", "server.url", "http://new.test", "--no-test")
    url = {"server.url": "http://old.test", "was:server.url": "http://old.test"}
    level = {"notifications.level": "none", "was:notifications.level": "all"}
    settings_form.save(ImmutableMultiDict(url | level))
    now = config.load().settings
    assert (now.server.url, now.notifications.level) == ("http://new.test", "none")


def test_an_emptied_field_takes_the_setting_away_and_an_empty_key_none(home: Scratch) -> None:
    home.ok("config", "set", "server.url", "http://a.test", "--no-test")
    home.ok("config", "set", "server.api_key", "secret", "--no-test")
    fields = {"server.url": "", "was:server.url": "http://a.test", "server.api_key": ""}
    settings_form.save(ImmutableMultiDict(fields))
    now = config.load().settings
    assert (now.server.url, now.server.api_key) == ("", "secret")


def test_a_refused_value_changes_nothing(home: Scratch) -> None:
    home.ok("config", "set", "server.url", "http://a.test", "--no-test")
    with pytest.raises(SettingsError, match="nonsense"):
        settings_form.save(
            ImmutableMultiDict({"server.url": "nonsense", "was:server.url": "http://a.test"})
        )
    assert config.load().settings.server.url == "http://a.test"


@pytest.mark.parametrize(
    "more",
    [
        {"sync.timeout": "5"},
        {"server.url": "nonsense", "was:server.url": "http://a.test"},
        {"server.api_key": "secret"},  # which would go in the clear
    ],
)
def test_what_cannot_be_used_or_is_no_field_of_the_page_is_not_saved(
    home: Scratch, more: dict[str, str]
) -> None:
    home.ok("config", "set", "server.url", "http://a.test", "--no-test")
    level = {"notifications.level": "none", "was:notifications.level": "all"}
    with pytest.raises(SettingsError):
        settings_form.save(ImmutableMultiDict(level | more))
    now = config.load().settings
    assert (now.server.url, now.server.api_key) == ("http://a.test", "")
    assert now.notifications.level == "all"


@pytest.mark.parametrize("typed", ["same", "elsewhere"])
def test_the_key_that_is_set_goes_only_to_its_own_host_and_port(home: Scratch, typed: str) -> None:
    with Standin() as one, Standin() as other:
        home.ok("config", "set", "server.url", one.url, "--no-test")
        home.ok("config", "set", "server.api_key", "secret", "--no-test")
        asked = one if typed == "same" else other
        steps = settings_form.test(ImmutableMultiDict({"server.url": asked.url}))
        assert steps[0].level == "ok", steps
        keys = {each.headers.get("authorization") for each in asked.requests}
    assert ("Bearer secret" in keys) == (typed == "same")


def test_no_secret_is_shown(home: Scratch) -> None:
    home.ok("config", "set", "server.api_key", "hunter2", "--no-test")
    home.configure('[server]\nurl = "http://me:hunter3@far.test"\napi_key = "hunter2"\n')
    assert "hunter" not in str(settings_form.shown())


@pytest.fixture
def served(home: Scratch) -> Window:
    del home  # it is its window
    return Window(Endpoint(9, 1, "token", 0.0), Language("en"))


@pytest.fixture
def client(served: Window) -> TestClient:
    """Be let in."""
    client = TestClient(served.app, base_url=f"http://127.0.0.1:9{served._doors.path}")
    client.get(f"enter?ticket={served._doors.ticket(time.monotonic())}").raise_for_status()
    return client


def test_a_page_that_is_asked_for_is_a_sign_of_life(served: Window, client: TestClient) -> None:
    served._left -= 1000
    client.get("undelivered").raise_for_status()
    assert served.unwatched() < 1000


def test_only_an_act_that_fails_has_the_page_ask_again(
    served: Window, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = mock.Mock(side_effect=Mem0TrayError("It did not answer."))
    monkeypatch.setattr(recall, "latest", refuse)
    monkeypatch.setattr(settings_form, "save", refuse)
    headers = {FORM: served._doors.form, "Origin": "http://127.0.0.1:9"}
    found = {each: client.post(each, headers=headers) for each in ("latest", "settings")}
    assert all("It did not answer." in each.text for each in found.values())
    assert [each for each in found if "HX-Trigger" in found[each].headers] == ["settings"]


def test_another_cookie_of_our_name_keeps_nobody_out(client: TestClient) -> None:
    (ours,) = client.cookies.jar
    client.cookies.clear()
    right, wrong = f"{ours.name}={ours.value}", f"{ours.name}=x"
    for cookies in (f"{wrong}; {right}", f"{right}; {wrong}"):
        assert client.get("undelivered", headers={"Cookie": cookies}).status_code == 200
    refused = client.get("undelivered", headers={"Cookie": wrong})
    assert (refused.status_code, "mem0tray open" in refused.text) == (403, True)


def test_a_form_longer_than_any_of_ours_is_refused(served: Window, client: TestClient) -> None:
    headers = {FORM: served._doors.form, "Origin": "http://127.0.0.1:9"}
    answer = client.post("edit", headers=headers, content=b"content=" + bytes(5_000_000))
    assert "The text is too long; nothing was changed." in answer.text
