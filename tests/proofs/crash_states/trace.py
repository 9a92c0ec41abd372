"""What real programs do to their files: strace's account of it, as operations of a disk."""

import itertools
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.proofs.crash_states.disk import (
    FOLDER,
    Name,
    Operation,
    Resize,
    SyncFile,
    SyncFolder,
    Unname,
    Write,
)

_CALLS: Final = (
    "open,openat,creat,close,dup,dup2,dup3,lseek,write,pwrite64,writev,pwritev,pwritev2,"
    "ftruncate,truncate,fallocate,copy_file_range,sendfile,rename,renameat,renameat2,link,linkat,"
    "symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,sync_file_range,"
    "sendto,recvfrom"
)
_LONGEST: Final = 1 << 24  # bytes of one write
_LINE: Final = re.compile(r"(\d+) +(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)")
_UNFINISHED: Final = " <unfinished ...>"
_RESULT: Final = re.compile(r"\) += (-?\d+)(?:<[^>]*>)?(?: .*)?$")
_TEXT: Final = re.compile(r'^"((?:\\x[0-9a-f]{2})*)"$')
_FD: Final = re.compile(r"^(?:AT_FDCWD|\d+)(?:<(.*)>)?$")
_POST: Final = b"POST /memory "
_ANSWERED: Final = b"HTTP/1.1 200 "


@dataclass(frozen=True, slots=True)
class Sent:
    """The request with this text is on its way: the server may have it from now on."""

    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A request was answered with 200; `text` is what it brought."""

    text: str


Event = Operation | Sent | Answered


def strace(output: Path) -> tuple[str, ...]:
    """The command that writes the account of another one to `output`."""
    return (
        "strace", "-f", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", str(_LONGEST),
        "-e", f"trace={_CALLS}", "-e", "signal=none", "-o", str(output),
    )  # fmt: skip


@dataclass(slots=True)
class _Open:
    """An open file (`inode`), folder (`path`), or something else."""

    inode: int | None = None
    path: str | None = None
    offset: int = 0
    append: bool = False
    request: bytes = b""


@dataclass(slots=True)
class _Call:
    name: str
    arguments: list[str]
    result: int
    began: int  # how many events there had been when it began


class Recording:
    """Collects `events` below `root`; what is there at the start counts as lasting.

    `names` and `contents` are as `Disk` takes them. Paths, relative to the root, in
    which `ignored` is found are left out: nothing depends on them.
    """

    def __init__(self, root: Path, ignored: re.Pattern[str]) -> None:
        self._root = root.resolve()
        self._ignored = ignored
        self.events: list[Event] = []
        self.names: dict[str, int] = {}
        self.contents: dict[int, bytes] = {}
        self._inodes = itertools.count(FOLDER + 1)
        for path in sorted(self._root.rglob("*")):
            name = self._inside(str(path))
            if name is None:
                continue
            self.names[name] = FOLDER if path.is_dir() else next(self._inodes)
            if path.is_file():
                self.contents[self.names[name]] = path.read_bytes()
        self._now = dict(self.names)
        self._sizes = defaultdict(int, {i: len(data) for i, data in self.contents.items()})
        self._open: dict[int, _Open] = {}
        self._handlers: dict[str, Callable[[_Call], None]] = {
            "openat": self._openat,
            "close": self._close,
            "lseek": self._lseek,
            "write": self._write,
            "pwrite64": self._pwrite,
            "ftruncate": self._ftruncate,
            "rename": self._rename,
            "link": self._link,
            "unlink": self._unlink,
            "mkdir": self._mkdir,
            "fsync": self._fsync,
            "fdatasync": self._fsync,
            "sendto": self._sendto,
            "recvfrom": self._recvfrom,
        }

    def add(self, account: Path) -> None:
        """Note what a process did. AssertionError for a call on a file of ours that is unknown."""
        self._open.clear()
        for call in self._calls(account):
            if (handler := self._handlers.get(call.name)) is not None:
                handler(call)
                continue
            touched = [argument for argument in call.arguments if self._touches(argument)]
            assert not touched, f"{call.name} is not understood"

    def _calls(self, account: Path) -> Iterator[_Call]:
        begun: dict[str, tuple[str, int]] = {}
        with account.open(encoding="ascii") as lines:
            for line in lines:
                found = _LINE.match(line.rstrip("\n"))
                if found is None:
                    continue  # an exit
                thread, name, rest = found.groups()
                if rest.endswith(_UNFINISHED):
                    begun[thread] = (rest.removesuffix(_UNFINISHED), len(self.events))
                    continue
                before, began = begun.pop(thread, ("", len(self.events)))
                rest = before + rest
                ending = _RESULT.search(rest)
                if ending is not None and int(ending[1]) >= 0:
                    arguments = rest[: ending.start()].split(", ")
                    yield _Call(name, arguments, int(ending[1]), began)

    def _do(self, event: Event) -> None:
        match event:
            case Name(inode, path, old):
                if old is not None:
                    self._now.pop(old, None)
                self._now[path] = inode
            case Unname(path):
                self._now.pop(path, None)
            case Write(inode, offset, data):
                self._sizes[inode] = max(self._sizes[inode], offset + len(data))
            case Resize(inode, size):
                self._sizes[inode] = size
        self.events.append(event)

    def _inside(self, path: str) -> str | None:
        """A path relative to the root; None for what is elsewhere or does not matter."""
        if path == str(self._root):
            return "."
        name = path.removeprefix(f"{self._root}/")
        return None if name == path or self._ignored.search(name) else name

    def _name_of(self, argument: str, folder: str = "") -> str | None:
        path = Path(_path_of(folder), os.fsdecode(_bytes(argument)))
        return self._inside(os.path.normpath(path))

    def _touches(self, argument: str) -> bool:
        if _TEXT.match(argument):
            return self._name_of(argument) is not None
        return argument[:1].isdigit() and self._file(argument).inode is not None

    def _file(self, argument: str) -> _Open:
        return self._open.setdefault(_number(argument), _Open())

    def _openat(self, call: _Call) -> None:
        folder, name, flags = call.arguments[:3]
        path = self._name_of(name, folder)
        file = self._open[call.result] = _Open(append="O_APPEND" in flags)
        if path is None:
            return
        inode = self._now.get(path)
        if inode is None and "O_CREAT" in flags:
            inode = next(self._inodes)
            self._do(Name(inode, path))
        if inode is None or inode == FOLDER:
            file.path = path
            return
        file.inode = inode
        if "O_TRUNC" in flags and self._sizes[inode]:
            self._do(Resize(inode, 0))

    def _close(self, call: _Call) -> None:
        self._open.pop(_number(call.arguments[0]), None)

    def _lseek(self, call: _Call) -> None:
        self._file(call.arguments[0]).offset = call.result

    def _write(self, call: _Call) -> None:
        file = self._file(call.arguments[0])
        if file.inode is not None:
            offset = self._sizes[file.inode] if file.append else file.offset
            self._do(Write(file.inode, offset, _bytes(call.arguments[1])[: call.result]))
            file.offset = offset + call.result

    def _pwrite(self, call: _Call) -> None:
        if (inode := self._file(call.arguments[0]).inode) is not None:
            data = _bytes(call.arguments[1])[: call.result]
            self._do(Write(inode, int(call.arguments[3]), data))

    def _ftruncate(self, call: _Call) -> None:
        if (inode := self._file(call.arguments[0]).inode) is not None:
            self._do(Resize(inode, int(call.arguments[1])))

    def _rename(self, call: _Call) -> None:
        old, new = (self._name_of(argument) for argument in call.arguments)
        if old is None and new is None:
            return
        assert old is not None, "a file comes from nowhere"
        assert new is not None, "a file goes nowhere"
        inode = self._now.get(old)
        assert inode is not None, f"renamed, and never made: {old}"
        if inode != self._now.get(new):  # two names of one file: rename does nothing
            self._do(Name(inode, new, old))

    def _link(self, call: _Call) -> None:
        old, new = (self._name_of(argument) for argument in call.arguments)
        inode = self._now.get(old or "")
        if inode is not None and new is not None:
            self._do(Name(inode, new))

    def _unlink(self, call: _Call) -> None:
        if (path := self._name_of(call.arguments[0])) is not None:
            self._do(Unname(path))

    def _mkdir(self, call: _Call) -> None:
        if (path := self._name_of(call.arguments[0])) is not None:
            self._do(Name(FOLDER, path))

    def _fsync(self, call: _Call) -> None:
        file = self._file(call.arguments[0])
        if file.inode is not None:
            self._do(SyncFile(file.inode, call.began))
        elif file.path is not None:
            self._do(SyncFolder(file.path, call.began))

    def _sendto(self, call: _Call) -> None:
        connection = self._file(call.arguments[0])
        data = _bytes(call.arguments[1])[: call.result]
        connection.request = data if data.startswith(_POST) else connection.request + data
        text = _content(connection.request)
        if text is not None:
            self._do(Sent(text))

    def _recvfrom(self, call: _Call) -> None:
        connection = self._file(call.arguments[0])
        text = _content(connection.request)
        if text is not None and _bytes(call.arguments[1]).startswith(_ANSWERED):
            connection.request = b""
            self._do(Answered(text))


def _content(request: bytes) -> str | None:
    """The text of a memory in a request that is complete; None for another one."""
    if not request.startswith(_POST):
        return None
    try:
        text = json.loads(request.partition(b"\r\n\r\n")[2])["content"]
    except ValueError:
        return None
    return str(text)


def _bytes(argument: str) -> bytes:
    found = _TEXT.match(argument)
    assert found is not None, f"strace cut or changed what was written: {argument[:40]}"
    return bytes.fromhex(found[1].replace("\\x", ""))


def _number(argument: str) -> int:
    """The descriptor in `3</home/file>`."""
    return int(argument.partition("<")[0])


def _path_of(argument: str) -> str:
    """The folder that an argument such as `AT_FDCWD</home>` names."""
    found = _FD.match(argument)
    hexed = found[1] if found is not None and found[1] else ""
    return os.fsdecode(bytes.fromhex(hexed.replace("\\x", "")))
