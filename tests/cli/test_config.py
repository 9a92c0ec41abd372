"""`config`: what it shows, sets and edits."""

import pytest

from mem0tray.config import settings
from tests.cli.scratch import Scratch
from tests.support import needs
from tests.support.certificates import HOST
from tests.support.needs import has_mode
from tests.support.standin import Standin

SECRET = "sesame-3c1f"  # noqa: S105  (a word to look for)


def test_show_says_where_each_value_comes_from(home: Scratch) -> None:
    home.configure("[sync]\ntimeout = 45\nconcurrency = 3\n")
    home.env(MEM0TRAY_SYNC_TIMEOUT="50")
    document = home.run("config", "show", "--json").json()
    shown = document["settings"]
    assert document["file"] == str(home.config)
    assert set(shown) == set(settings.keys())
    assert shown["sync.timeout"] == {"value": 50.0, "from": "environment"}
    assert shown["sync.concurrency"] == {"value": 3, "from": "file"}
    assert shown["sync.max_attempts"] == {"value": 5, "from": "default"}
    lines = home.ok("config", "show").splitlines()
    assert any(line.split() == ["sync.timeout", "50", "environment"] for line in lines)


def test_a_secret_is_masked_unless_it_is_asked_for(home: Scratch) -> None:
    home.configure(f'[server]\napi_key = "{SECRET}"\n')
    for arguments in (["config", "show"], ["config", "show", "--json"]):
        out = home.ok(*arguments)
        assert SECRET not in out
        assert "••••" in out
    assert home.ok("config", "get", "server.api_key") == f"{SECRET}\n"


def test_set_keeps_comments_and_order(home: Scratch) -> None:
    text = "# mine\n[log] # logs\nbackups = 3 # few\n\n[sync]\n# slow\ntimeout = 30\n"
    home.configure(text)
    home.ok("config", "set", "sync.timeout", "45")
    assert home.config.read_text() == text.replace("30", "45")
    home.ok("config", "set", "server.url", "http://127.0.0.1:8000")
    after = home.config.read_text()
    assert after.startswith(text.replace("30", "45"))
    assert home.ok("config", "get", "server.url") == "http://127.0.0.1:8000\n"


def test_set_says_that_the_text_of_notes_leaves(home: Scratch) -> None:
    said = "The text of Claude Code's notes goes to your Mem0 server from now on."
    assert said in home.run("config", "set", "claude.auto_memory", "true").err
    assert said not in home.run("config", "set", "claude.auto_memory", "false").err


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("sync.timeout", "soon", ""),
        ("sync.max_attempts", "9" * 5000, ""),
        ("server.url", "http://me:pw@host", "user name or password"),
        ("no.such", "1", ""),
        ("server.api_key", "line\nbreak", ""),
        ("server.ca_file", "~no-such-user/ca.pem", ""),
        ("server.ca_file", "~/gone.pem", "gone.pem' of server.ca_file holds no certificate"),
        ("alerts.command", "a\ud800", "without line breaks and other control"),
        ("paths.claude_dir", "/a\udcff", ""),
    ],
)
def test_set_refuses_what_is_wrong(home: Scratch, key: str, value: str, why: str) -> None:
    home.configure("[sync]\ntimeout = 30\n")
    line = home.fails("config", "set", key, value, code=2)
    assert line.startswith("mem0tray: ")
    assert len(line) < 300
    assert why in line
    assert home.config.read_text() == "[sync]\ntimeout = 30\n"


@pytest.mark.parametrize("value", ["", " ", "\n"], ids=repr)
@pytest.mark.parametrize("key", ["server.url", "sync.timeout", "claude.auto_memory"])
def test_an_empty_value_is_refused(home: Scratch, key: str, value: str) -> None:
    text = '[server]\nurl = "http://127.0.0.1:9"\napi_key = "k"\n'
    home.configure(text)
    for arguments, stdin in (((value,), ""), (("-",), value), ((), value)):
        line = home.fails("config", "set", key, *arguments, stdin=stdin.encode(), code=2)
        assert f"The new value of {key} is empty; nothing was changed." in line
        assert f"`mem0tray config unset {key}`" in line
    assert home.config.read_text() == text


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_piped_key_is_kept_without_its_line_break_in_a_private_file(
    home: Scratch, end: str
) -> None:
    home.configure("# mine\n")
    home.config.chmod(0o644)
    home.ok("config", "set", "server.api_key", stdin=f"{SECRET}{end}".encode())
    assert has_mode(home.config, 0o600)
    assert home.ok("config", "get", "server.api_key") == f"{SECRET}\n"


@pytest.mark.parametrize("stdin", [b"key\nmore\n", b"key\n\n", b"key\x00", b"\xff", b"k" * 40_000])
def test_a_piped_key_with_more_in_it_is_refused(home: Scratch, stdin: bytes) -> None:
    line = home.fails("config", "set", "server.api_key", "-", stdin=stdin, code=2)
    assert "key" not in line.replace("api_key", "")
    assert not home.config.exists()


def test_a_broken_file_is_told_in_the_same_words_everywhere(home: Scratch) -> None:
    for text in ("[sync\n", "timeout = = 5", '[server]\nurl = "a\n', "a = 1\na = 2\n"):
        home.configure(text)
        commands = (
            ("status",),
            ("config", "show"),
            ("config", "set", "sync.timeout", "5"),
            ("config", "unset", "sync.timeout"),
        )
        (line,) = {home.run(*arguments).line for arguments in commands}
        assert home.run("add", "-p", "p", "x").err.splitlines()[0] == line
        assert f"The settings file {home.config} is not valid TOML: " in line
        assert line.endswith("Mend it with `mem0tray config edit`.")


def test_unset_says_what_holds_then(home: Scratch) -> None:
    home.configure('[server]\nurl = "http://127.0.0.1:9"\n[sync]\ntimeout = 30\n')
    said = home.ok("config", "unset", "sync.timeout")
    assert said == f"sync.timeout is no longer set in {home.config}; the default applies: 60.\n"
    assert home.ok("config", "get", "sync.timeout") == "60\n"
    said = home.ok("config", "unset", "server.url")
    assert said.endswith("; the default applies: none.\n")
    home.env(MEM0TRAY_SYNC_TIMEOUT="50")
    said = home.ok("config", "unset", "sync.timeout")
    assert said == (
        f"sync.timeout was not set in {home.config};"
        " MEM0TRAY_SYNC_TIMEOUT in the environment applies: 50.\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# a\n[sync] # b\n# c\ntimeout = 30\nx = 3 # d\n", "# a\n[sync] # b\n# c\nx = 3 # d\n"),
        ("sync.timeout = 30\nsync.concurrency = 3\n", "sync.concurrency = 3\n"),
        ("sync = { timeout = 30, concurrency = 3 }\n", "sync = {  concurrency = 3 }\n"),
        ('[sync]\ntimeout = "soon"\n[log]\nbackups = 1\n', "[sync]\n[log]\nbackups = 1\n"),
    ],
)
def test_unset_keeps_everything_else(home: Scratch, before: str, after: str) -> None:
    home.configure(before)
    home.ok("config", "unset", "sync.timeout")
    assert home.config.read_text() == after
    assert home.ok("config", "get", "sync.timeout") == "60\n"


@pytest.mark.parametrize("text", ["[sync\n", "sync = 3\n", "\udcff"])
def test_set_leaves_a_file_alone_that_it_does_not_understand(home: Scratch, text: str) -> None:
    home.config.parent.mkdir(parents=True)
    home.config.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert "config.toml" in home.fails("config", "set", "sync.timeout", "45", code=2)
    assert home.config.read_bytes() == text.encode("utf-8", "surrogateescape")


def _editor(home: Scratch, script: str) -> None:
    path = home.root / "my editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    home.env(VISUAL=f"'{path}' --wait")


@needs.SHELL
def test_edit_begins_with_every_key_as_a_comment(home: Scratch) -> None:
    _editor(home, "true")
    home.ok("config", "edit")
    text = home.config.read_text()
    for key in sorted(settings.keys()):
        assert f"# {key.partition('.')[2]} = " in text
    assert settings.load(home.config, {}).settings == settings.Settings()
    assert has_mode(home.config, 0o600)
    uncommented = text.replace("\n# ", "\n").split("\n", 2)[2]
    home.configure(uncommented)
    assert settings.load(home.config, {}).settings == settings.Settings()


@needs.SHELL
def test_edit_checks_what_was_written(home: Scratch) -> None:
    _editor(home, 'printf "[sync]\\ntimeout = no\\n" > "$2"')
    assert "config.toml" in home.fails("config", "edit", code=2)


def test_a_wrong_value_hides_no_other(home: Scratch) -> None:
    home.configure('[sync]\ntimeout = "soon"\nmax_attempts = 0\nconcurrency = 3\n')
    done = home.run("config", "show")
    assert done.code == 2
    rows = [line.split() for line in done.out.splitlines()]
    assert ["sync.timeout", "–", "wrong"] in rows
    assert ["sync.concurrency", "3", "file"] in rows
    assert "sync.timeout" in done.line
    assert "sync.max_attempts" in done.line
    shown = home.run("config", "show", "--json").json()["settings"]
    assert shown["sync.timeout"] == {"value": None, "from": "wrong"}
    assert home.ok("config", "get", "sync.concurrency") == "3\n"
    assert home.run("config", "get", "sync.timeout").code == 2
    assert "sync.max_attempts" in home.run("status").line


def test_a_file_that_is_no_toml_is_one_error_and_no_rows(home: Scratch) -> None:
    home.configure("[sync\n")
    done = home.run("config", "show")
    assert (done.code, done.out.splitlines()) == (2, [str(home.config)])
    assert str(home.config) in done.line
    home.env(MEM0TRAY_SYNC_TIMEOUT="7")
    done = home.run("config", "show")
    assert "wrong" not in done.out
    assert ["sync.timeout", "7", "environment"] in [line.split() for line in done.out.splitlines()]


def set_(home: Scratch, key: str, value: str) -> tuple[int, list[str], list[str]]:
    done = home.run("config", "set", key, value)
    out = [line.partition(" is answered within")[0] for line in done.out.splitlines()]
    return done.code, out, done.err.splitlines()


def test_a_server_that_is_well_is_told_in_three_lines(home: Scratch) -> None:
    with Standin() as server:
        assert set_(home, "server.url", server.url) == (
            0,
            [
                f"{server.netloc} is healthy and speaks `vps`: it is recognised, and /health",
                f"No API key is set, and {server.netloc} wants none.",
                f"{server.netloc} can be asked for the memories of a project.",
            ],
            [],
        )
        assert {each.method for each in server.requests} == {"GET"}


def test_what_is_wrong_is_told_beside_and_the_setting_stands(home: Scratch) -> None:
    with Standin() as server:
        server.api_key = "sesame"
        code, out, (line,) = set_(home, "server.url", server.url)
        assert (code, len(out)) == (0, 1)
        assert line == (
            f"mem0tray: {server.netloc} wants an API key, and none is set: 401: Not"
            " authenticated. Set the right key: `mem0tray config set server.api_key` asks for it."
        )
        assert home.ok("config", "get", "server.url") == f"{server.url}\n"
        code, out, err = set_(home, "server.api_key", "sesame")
        assert (code, err) == (0, [])
        assert f"{server.netloc} takes the API key." in out
        url = server.url
    code, out, (line,) = set_(home, "server.url", url)
    assert (code, out) == (0, [])
    assert line.startswith(f"mem0tray: {HOST}:")
    assert " is down. Connection refused. " in line


@pytest.mark.parametrize(
    ("variable", "how"),
    [
        ("", "type `mem0tray config unset server.api_key`"),
        ("sesame", "take MEM0TRAY_SERVER_API_KEY out of the environment"),
    ],
)
def test_a_key_that_goes_to_another_address_is_told(home: Scratch, variable: str, how: str) -> None:
    home.configure('[server]\nurl = "http://127.0.0.1:9"\napi_key = "sesame"\n')
    if variable:
        home.env(MEM0TRAY_SERVER_API_KEY=variable)
    with Standin() as server:
        server.api_key = "sesame"
        code, _, (line,) = set_(home, "server.url", server.url)
        port = server.netloc.rpartition(":")[2]
        assert code == 0
        assert line == (
            f"mem0tray: The API key that is set goes to {HOST}, port {port}, too."
            f" Where it must not, {how} before you set the address."
        )
        assert set_(home, "server.url", f"{server.url}/")[2] == []


def test_nothing_is_asked_where_that_is_not_wanted(home: Scratch) -> None:
    with Standin() as server:
        assert home.ok("config", "set", "--no-test", "server.url", server.url) == ""
        home.env(MEM0TRAY_SERVER_URL="http://127.0.0.1:9")
        assert "wins over the file" in home.run("config", "set", "server.url", server.url).line
        assert server.requests == []
