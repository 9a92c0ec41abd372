"""`config`: what it shows, sets and edits."""

import json
import re
from pathlib import Path

import pytest

from mem0tray.cli.config import MASK
from mem0tray.config import settings
from tests.cli.scratch import Scratch
from tests.support import needs
from tests.support.needs import has_mode

SECRET = "sesame-3c1f"  # noqa: S105  (a word to look for)


def test_path_names_the_file_that_may_not_exist(home: Scratch) -> None:
    """`config path` prints one line, whatever the settings are."""
    assert home.ok("config", "path").strip() == str(home.config)
    home.configure("broken =")
    assert home.ok("config", "path").strip() == str(home.config)


def test_show_says_where_each_value_comes_from(home: Scratch) -> None:
    """Default, file and environment are told apart; the environment wins."""
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
    """`show` masks the key in every form; `get` prints it."""
    home.configure(f'[server]\napi_key = "{SECRET}"\n')
    for arguments in (["config", "show"], ["config", "show", "--json"]):
        out = home.ok(*arguments)
        assert SECRET not in out
        assert MASK in out
    assert home.ok("config", "get", "server.api_key") == f"{SECRET}\n"


def test_get_prints_bare_values(home: Scratch) -> None:
    """Text stands without quotes, truth values as TOML writes them; `--json` has the type."""
    home.configure('[server]\nurl = "http://127.0.0.1:1"\nallow_plain_key = true\n')
    assert home.ok("config", "get", "server.url") == "http://127.0.0.1:1\n"
    assert home.ok("config", "get", "server.allow_plain_key") == "true\n"
    document = home.run("config", "get", "sync.timeout", "--json").json()
    assert document == {"key": "sync.timeout", "value": 60.0, "from": "default"}


def test_set_keeps_comments_and_order(home: Scratch) -> None:
    """Only the one value changes."""
    text = "# mine\n[log] # logs\nbackups = 3 # few\n\n[sync]\n# slow\ntimeout = 30\n"
    home.configure(text)
    home.ok("config", "set", "sync.timeout", "45")
    assert home.config.read_text() == text.replace("30", "45")
    home.ok("config", "set", "server.url", "http://127.0.0.1:8000")
    after = home.config.read_text()
    assert after.startswith(text.replace("30", "45"))
    assert home.ok("config", "get", "server.url") == "http://127.0.0.1:8000\n"


@pytest.mark.parametrize("text", ["sync.timeout = 30\n", "sync = { timeout = 30 }\n", "[other]\n"])
def test_set_understands_every_way_to_write_a_section(home: Scratch, text: str) -> None:
    """Dotted keys and inline tables are changed where they stand."""
    home.configure(text)
    home.ok("config", "set", "sync.timeout", "45")
    assert home.ok("config", "get", "sync.timeout") == "45\n"


def test_set_makes_a_private_file_in_a_private_folder(home: Scratch) -> None:
    """A new file is 0600, its folder 0700."""
    home.ok("config", "set", "server.url", "local")
    assert has_mode(home.config, 0o600)
    assert has_mode(home.config.parent, 0o700)


def test_setting_a_secret_makes_the_file_private(home: Scratch) -> None:
    """A file that others could read is tightened when a key goes into it; `-` reads it."""
    home.configure("# mine\n")
    home.config.chmod(0o644)
    home.ok("config", "set", "server.api_key", "-", stdin=f"{SECRET}\n".encode())
    assert has_mode(home.config, 0o600)
    assert home.ok("config", "get", "server.api_key") == f"{SECRET}\n"


def test_set_mends_a_wrong_value(home: Scratch) -> None:
    """A wrong setting can be put right by the command that its error is about."""
    home.configure('[sync]\ntimeout = "soon"\n')
    home.ok("config", "set", "sync.timeout", "45")
    assert home.run("status").code == 0


def test_set_says_that_the_text_of_notes_leaves(home: Scratch) -> None:
    """Where they are wanted, and not where they are no longer."""
    said = "The text of Claude Code's notes goes to your Mem0 server from now on."
    assert said in home.run("config", "set", "claude.auto_memory", "true").err
    assert said not in home.run("config", "set", "claude.auto_memory", "false").err


def test_set_says_when_the_environment_wins(home: Scratch) -> None:
    """A value that will not be used is no silent surprise."""
    home.env(MEM0TRAY_SYNC_TIMEOUT="50")
    done = home.run("config", "set", "sync.timeout", "45")
    assert done.code == 0
    assert "MEM0TRAY_SYNC_TIMEOUT" in done.line


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sync.timeout", "soon"),
        ("sync.timeout", "nan"),
        ("sync.max_attempts", "2.5"),
        ("server.url", "gopher://x"),
        ("server.url", "http://me:pw@host"),
        ("no.such", "1"),
        ("server.url", "http://a\nb"),
        ("server.url", "http://a\x7f"),
        ("server.api_key", "two words"),
        ("server.api_key", "line\nbreak"),
        ("server.api_key", "k\N{LATIN SMALL LETTER E WITH ACUTE}y"),
        ("server.ca_file", "ca.pem"),
        ("server.ca_file", "~no-such-user/ca.pem"),
        ("server.ca_file", "/a\tb"),
        pytest.param("alerts.command", "mail 'x", marks=needs.SHELL),
        ("alerts.command", "mail\nx"),
        ("alerts.command", "# nothing\x00"),
        ("ui.language", "fr\n"),
        ("paths.claude_dir", "/a\nb"),
        ("paths.claude_dir", "/a\udcff"),
        ("server.url", "http://" + "a" * 9000),
        ("sync.timeout", "inf"),
        ("sync.timeout", "-1"),
        ("sync.probe_interval", "-inf"),
        ("sync.retry_interval", "1e999"),
        ("sync.max_attempts", "9" * 5000),
        ("retention.discarded", "nan"),
        ("alerts.after", "-0.1"),
        ("log.max_bytes", "9" * 20),
    ],
)
def test_set_refuses_what_is_wrong(home: Scratch, key: str, value: str) -> None:
    """A wrong value exits 2 and changes nothing."""
    home.configure("[sync]\ntimeout = 30\n")
    done = home.run("config", "set", key, value)
    assert (done.code, done.out) == (2, "")
    assert done.line.startswith("mem0tray: ")
    assert home.config.read_text() == "[sync]\ntimeout = 30\n"


@pytest.mark.parametrize("value", ["", " ", "\t", "\n"], ids=repr)
@pytest.mark.parametrize("key", sorted(settings.keys()))
def test_an_empty_value_is_refused(home: Scratch, key: str, value: str) -> None:
    """A variable that came out empty changes nothing; the way to unset is named."""
    text = '[server]\nurl = "http://127.0.0.1:9"\napi_key = "k"\n'
    home.configure(text)
    for arguments, stdin in (((value,), ""), (("-",), value), ((), value)):
        done = home.run("config", "set", key, *arguments, stdin=stdin.encode())
        assert (done.code, done.out) == (2, "")
        assert f"The new value of {key} is empty; nothing was changed." in done.line
        assert f"`mem0tray config unset {key}`" in done.line
    assert home.config.read_text() == text


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_one_line_break_at_the_end_of_a_piped_value_is_not_part_of_it(
    home: Scratch, end: str
) -> None:
    """What `echo` and editors add is taken off; the value is what stands before it."""
    home.ok("config", "set", "server.api_key", stdin=f"{SECRET}{end}".encode())
    assert home.ok("config", "get", "server.api_key") == f"{SECRET}\n"


@pytest.mark.parametrize("stdin", [b"key\nmore\n", b"key\n\n", b"key\x00", b"\xff", b"k" * 40_000])
def test_a_piped_key_with_more_in_it_is_refused(home: Scratch, stdin: bytes) -> None:
    """A key of several lines, or of what is no text, is not cut but refused, and not shown."""
    done = home.run("config", "set", "server.api_key", "-", stdin=stdin)
    assert (done.code, done.out) == (2, "")
    assert "key" not in done.line.replace("api_key", "")
    assert not home.config.exists()


def test_a_wrong_number_is_shown_as_it_was_written(home: Scratch) -> None:
    """-5 is told as -5, and a value of any length in one line."""
    assert "sync.timeout is -5, but" in home.run("config", "set", "sync.timeout", "-5").line
    done = home.run("config", "set", "sync.max_attempts", "9" * 5000)
    assert len(done.line) < 300


@pytest.mark.parametrize(
    ("key", "like"),
    [
        ("server.ulr", "server.url"),
        ("url", "server.url"),
        ("timeout", "sync.timeout"),
        ("sync.timout", "sync.timeout"),
        ("Server.URL", "server.url"),
        ("zzz", None),
    ],
)
def test_a_key_that_is_unknown_gets_a_guess(home: Scratch, key: str, like: str | None) -> None:
    """`get`, `set` and `unset` say which key was meant, where one is like it."""
    for arguments in (("get", key), ("set", key, "1"), ("unset", key)):
        done = home.run("config", *arguments)
        assert (done.code, done.out) == (2, "")
        assert f"There is no setting '{key}'." in done.line
        assert ("Did you mean" in done.line) == (like is not None)
        assert like is None or f"Did you mean `{like}`?" in done.line


def test_a_broken_file_is_told_in_the_same_words_everywhere(home: Scratch) -> None:
    """Whoever reads or writes the settings says the same of what is no TOML."""
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
    """The default holds, or the variable in the environment; a second time it was not set."""
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
        ("# a\n[sync] # b\n# c\ntimeout = 30\nconcurrency = 3 # d\n",) * 2,
        ("[sync]\ntimeout = 30 # few\nconcurrency = 3\n", None),
        ("sync.timeout = 30\nsync.concurrency = 3\n",) * 2,
        ("sync = { timeout = 30, concurrency = 3 }\n", "sync = {  concurrency = 3 }\n"),
        (
            "[sync]\ntimeout = 30\n[log]\nbackups = 1\n[sync.x]\ny = 1\n",
            "[log]\nbackups = 1\n[sync.x]\ny = 1\n",
        ),
        ('[sync]\ntimeout = "soon"\n', ""),
        ("[log]\nbackups = 1\n\n[sync]\ntimeout = 30\n", "[log]\nbackups = 1\n\n"),
        ("[sync] # mine\ntimeout = 30\n", "[sync] # mine\n"),
        ("[sync]\n# mine\ntimeout = 30\n", "[sync]\n# mine\n"),
    ],
)
def test_unset_keeps_everything_else(home: Scratch, before: str, after: str | None) -> None:
    """Comments, order and other values stay; a remark behind the value stays with its default."""
    home.configure(before)
    home.ok("config", "unset", "sync.timeout")
    if after is None:
        after = "[sync]\n# timeout = 60  # few\nconcurrency = 3\n"
    elif after == before:
        after = re.sub(r"(?m)^(sync\.)?timeout = 30\n", "", before)
    assert home.config.read_text() == after
    assert home.ok("config", "get", "sync.timeout") == "60\n"


def test_unset_of_a_secret_leaves_nothing_of_it(home: Scratch) -> None:
    """A key is gone from the file, and shown by nothing."""
    home.configure(f'[server]\napi_key = "{SECRET}" # mine\n')
    said = home.ok("config", "unset", "server.api_key")
    assert SECRET not in said + home.config.read_text()
    assert home.config.read_text() == '[server]\n# api_key = ""  # mine\n'


def test_unset_makes_no_file(home: Scratch) -> None:
    """Where there is no file, there is nothing to take out of it."""
    assert "was not set" in home.ok("config", "unset", "sync.timeout")
    assert not home.config.exists()


def test_unset_says_what_else_is_wrong(home: Scratch) -> None:
    """What was asked for is done and said, and then what is wrong besides."""
    home.configure('[sync]\ntimeout = "soon"\nconcurrency = "many"\n')
    done = home.run("config", "unset", "sync.timeout")
    assert done.code == 2
    assert done.out == f"sync.timeout is no longer set in {home.config}.\n"
    assert "sync.concurrency" in done.line


@pytest.mark.parametrize("text", ["[sync\n", "sync = 3\n", "\udcff"])
def test_set_leaves_a_file_alone_that_it_does_not_understand(home: Scratch, text: str) -> None:
    """A malformed file is named and kept."""
    home.config.parent.mkdir(parents=True)
    home.config.write_bytes(text.encode("utf-8", "surrogateescape"))
    done = home.run("config", "set", "sync.timeout", "45")
    assert done.code == 2
    assert "config.toml" in done.line
    assert home.config.read_bytes() == text.encode("utf-8", "surrogateescape")


def _editor(home: Scratch, script: str) -> None:
    path = home.root / "my editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    home.env(VISUAL=f"'{path}' --wait")


@needs.SHELL
def test_edit_begins_with_every_key_as_a_comment(home: Scratch) -> None:
    """A new file shows all keys with their defaults, and changes nothing."""
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
    """What the editor left behind is read, and a mistake in it named."""
    _editor(home, 'printf "[sync]\\ntimeout = no\\n" > "$2"')
    done = home.run("config", "edit")
    assert done.code == 2
    assert "config.toml" in done.line


@pytest.mark.parametrize("visual", ["/no/such/editor", "false"])
def test_an_editor_that_fails_is_named(home: Scratch, visual: str) -> None:
    """An editor that is not there, or that fails, is one line."""
    home.env(VISUAL=visual)
    done = home.run("config", "edit")
    assert done.code == 1
    assert visual in done.line


def test_a_folder_in_the_file_s_place_is_a_clear_error(home: Scratch) -> None:
    """Every command says that the settings file is a folder."""
    home.config.mkdir(parents=True)
    for arguments in (["status"], ["config", "set", "sync.timeout", "4"], ["config", "edit"]):
        done = home.run(*arguments)
        assert done.code == 2
        assert "is a folder" in done.line


def test_json_survives_a_terminal_that_knows_ascii_only(home: Scratch, tmp_path: Path) -> None:
    """A value with lone surrogates is printed as escapes."""
    home.env(MEM0TRAY_PATHS_CLAUDE_DIR=f"{tmp_path}/\udcff é")
    out = home.ok("config", "get", "paths.claude_dir", "--json")
    assert "\\udcff" in out
    assert json.loads(out)["value"] == f"{tmp_path}/\udcff é"


def test_a_wrong_value_hides_no_other(home: Scratch) -> None:
    """`show` lists the rest and names all that is wrong; `get` of another key prints it."""
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
    """`show` names the file and the error, and lists only what the environment sets."""
    home.configure("[sync\n")
    done = home.run("config", "show")
    assert (done.code, done.out.splitlines()) == (2, [str(home.config)])
    assert str(home.config) in done.line
    home.env(MEM0TRAY_SYNC_TIMEOUT="7")
    done = home.run("config", "show")
    assert "wrong" not in done.out
    assert ["sync.timeout", "7", "environment"] in [line.split() for line in done.out.splitlines()]


def test_a_file_in_the_place_of_the_folder_is_named(home: Scratch) -> None:
    """Permissions are not to blame: a folder belongs there."""
    home.config.parent.parent.mkdir(parents=True, exist_ok=True)
    home.config.parent.write_text("")
    assert f"Move {home.config.parent} away: a folder belongs there." in home.run("status").line


def test_lines_that_are_added_end_as_the_others_do(home: Scratch) -> None:
    """A file from Windows stays one."""
    home.configure("")
    home.config.write_bytes(b"# mine\r\n[sync]\r\ntimeout = 30\r\n")
    home.ok("config", "set", "sync.concurrency", "3")
    home.ok("config", "set", "log.backups", "3")
    home.ok("config", "unset", "sync.timeout")
    data = home.config.read_bytes()
    assert b"concurrency = 3\r\n" in data
    assert data.count(b"\n") == data.count(b"\r\n")
