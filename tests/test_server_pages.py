"""The manual's pages on servers: their commands do what they say, word for word."""

import ast
import asyncio
import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import pytest

import mem0tray
from tests.support import needs
from tests.support.certificates import Authority
from tests.support.fixtures import bare_home
from tests.support.home import REPOSITORY, Home
from tests.support.hosted import HostedStandin, Work
from tests.support.listener import Listener
from tests.support.official import OfficialStandin, SimpleStore
from tests.support.standin import Standin

__all__ = ["bare_home"]
PACKAGE: Final = Path(mem0tray.__file__).parent
MANUAL: Final = PACKAGE / "docs" / "manual"
PAGES: Final = sorted((MANUAL / "servers").glob("*.md"))
KEY: Final = "sesame-3c1f"


class Block(NamedTuple):
    """Commands of a page, and what they print; empty where the page does not show it."""

    commands: str
    shown: str


def blocks(page: str) -> list[Block]:
    """Take the commands out of a page, with the text that follows on them, if that is shown."""
    found = re.findall(r"^ *```(console|text)\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    result: list[Block] = []
    for kind, text in found:
        if kind == "console":
            result.append(Block(text, ""))
        else:
            result[-1] = result[-1]._replace(shown=text)
    return result


def page(name: str) -> str:
    return (MANUAL / "servers" / name).read_text(encoding="utf-8")


def carry_out(home: Home, text: str) -> None:
    """Type all that a page says, in its order; what it shows must be what is printed."""
    for block in blocks(text):
        printed = ""
        for line in block.commands.splitlines():
            program, *arguments = shlex.split(line, comments=True)
            assert program == "mem0tray", line
            printed += home.ok(*arguments, stdin=f"{KEY}\n", timeout=60)
        if block.shown:
            assert steady(printed).startswith(steady(block.shown)), block


def steady(text: str) -> str:
    """Write what differs from run to run always the same."""
    return re.sub(r"\d+ ms", "1 ms", text)


def test_this_computer(bare_home: Home) -> None:
    carry_out(bare_home, page("this-computer.md"))


@needs.SHELL
@needs.CURL
def test_other_programs_use_the_embedded_server(bare_home: Home) -> None:
    (commands,) = re.findall(
        r"^```sh\n(.*?)^```$", page("this-computer.md"), re.MULTILINE | re.DOTALL
    )
    bare_home.start("serve", "--port", "0")
    file = bare_home.data / "mem0tray" / "local-server" / "server.json"
    bare_home.wait(file.exists, what="the server's address")
    printed = bare_home.foreign("/bin/sh", "-ec", commands).stdout
    saved, listed, found = re.findall(r'"results": ?\[.*?\]', printed)
    assert all('"Roses want water"' in each for each in (saved, listed, found))


@pytest.mark.parametrize("name", ["official.md", "private.md"])
def test_a_server_elsewhere(bare_home: Home, tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path)
    (bare_home.root / "authority.pem").write_bytes(authority.file.read_bytes())
    tls = authority.context("mem0.example.com")
    with ExitStack() as stack:
        server: Standin = (
            OfficialStandin(SimpleStore(), tls=tls) if name == "official.md" else Standin(tls=tls)
        )
        plain: Standin = OfficialStandin(SimpleStore()) if name == "official.md" else Standin()
        for each in (server, plain):
            each.api_key = KEY
            stack.enter_context(each)
        tunnel = stack.enter_context(Tunnel(server.netloc))
        bare_home.env |= {
            "SSL_CERT_FILE": str(authority.file),  # as if it were a public authority
            "https_proxy": tunnel.url,
            "http_proxy": plain.url,
        }
        carry_out(bare_home, page(name))
        assert [text for _, text in server.stored] == ["Water in the morning."]
        assert plain.stored == []
        assert plain.requests


def test_moving_to_another_server(bare_home: Home, tmp_path: Path) -> None:
    servers = page("../servers.md")
    moving = servers.split("\n## Moving to another server\n")[1].split("\n## ")[0]
    authority = Authority(tmp_path)
    carry_out(bare_home, page("this-computer.md"))
    with (
        Standin(tls=authority.context("mem0.example.com")) as server,
        Tunnel(server.netloc) as tunnel,
    ):
        bare_home.env |= {"SSL_CERT_FILE": str(authority.file), "https_proxy": tunnel.url}
        carry_out(bare_home, moving)
        bare_home.drained()
        assert server.stored == [("garden", "Water in the morning.")]


def test_the_hosted_service(bare_home: Home, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with (
        HostedStandin(tls=authority.context("api.mem0.ai")) as server,
        Tunnel(server.netloc) as tunnel,
    ):
        server.api_key = KEY
        server.works = lambda _: Work(0.5)
        bare_home.env |= {"SSL_CERT_FILE": str(authority.file), "https_proxy": tunnel.url}
        carry_out(bare_home, page("hosted.md"))
        assert server.stored == [("garden", "Water in the morning.")]
        assert server.faults == []


def constants() -> Iterator[str]:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_what_goes_wrong_is_said_in_these_words() -> None:
    openssl = ("certificate is not valid for", "certificate has expired")  # its own words
    said = "\n".join([*constants(), *openssl]).lower()
    for path in [*PAGES, MANUAL / "troubleshooting.md"]:
        table = path.read_text(encoding="utf-8").split("| it says |")[1].split("\n\n")[0]
        quoted = re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)
        assert len(quoted) > 3, path
        assert [each for each in quoted if each.lower() not in said] == [], path


def test_readme_and_manual_lead_to_each_page() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for path in PAGES:
        assert f"](mem0tray/docs/manual/servers/{path.name})" in readme
        assert f"](servers/{path.name})" in page("../servers.md")


class Tunnel(Listener):
    """Makes a tunnel to the server at `netloc` for whatever host it is asked for (CONNECT)."""

    def __init__(self, netloc: str) -> None:
        super().__init__()
        self._host, _, port = netloc.rpartition(":")
        self._there = int(port)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        there, back = await asyncio.open_connection(self._host, self._there)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_carry(reader, back))
                both.create_task(_carry(there, writer))
        finally:
            back.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof() if writer.can_write_eof() else writer.close()
