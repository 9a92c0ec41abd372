"""`config set` of what concerns the server: that one is tested, and the setting stands."""

from pathlib import Path

import pytest

from tests.cli.scratch import Scratch
from tests.support.certificates import HOST, Authority
from tests.support.standin import Standin


def set_(home: Scratch, key: str, value: str) -> tuple[int, list[str], list[str]]:
    """Set a value; the exit code, and the lines of the two streams without their times."""
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


def test_an_authority_is_tested_with_the_server(home: Scratch, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with Standin(tls=authority.context(HOST)) as server:
        _, _, (line,) = set_(home, "server.url", server.url)
        assert "`mem0tray config set server.ca_file FILE`" in line
        code, out, err = set_(home, "server.ca_file", str(authority.file))
        assert (code, len(out), err) == (0, 3, [])


def test_nothing_is_asked_where_that_is_not_wanted(home: Scratch) -> None:
    with Standin() as server:
        assert home.ok("config", "set", "--no-test", "server.url", server.url) == ""
        home.env(MEM0TRAY_SERVER_URL="http://127.0.0.1:9")
        assert "wins over the file" in home.run("config", "set", "server.url", server.url).line
        assert server.requests == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("server.api_key", "sesame"), ("server.dialect", "oss"), ("sync.timeout", "45")],
)
@pytest.mark.parametrize("url", ["", "local"])
def test_a_setting_of_no_server_is_not_tested(
    home: Scratch, url: str, key: str, value: str
) -> None:
    home.configure(f'[server]\nurl = "{url}"\n')
    assert home.run("config", "set", key, value) == (0, "", "")


def test_wrong_settings_beside_keep_it_from_no_test_of_its_own(home: Scratch) -> None:
    home.configure('[sync]\ntimeout = "soon"\n')
    with Standin() as server:
        assert home.run("config", "set", "server.url", server.url) == (0, "", "")
        assert server.requests == []


def test_this_computer_is_told_as_that(home: Scratch) -> None:
    said = "this computer only; the embedded server starts together with the worker.\n"
    assert home.run("config", "set", "server.url", "local") == (0, said, "")
