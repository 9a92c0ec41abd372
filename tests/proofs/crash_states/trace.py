"""What real programs do to their files: strace's account of it, as operations of a disk."""

import json
import os
import re
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
        self._next = FOLDER + 1
        for path in sorted(self._root.rglob("*")):
            name = self._inside(str(path))
            if name is None:
                continue
            self.names[name] = FOLDER if path.is_dir() else self._new_inode()
            if path.is_file():
                self.contents[self.names[name]] = path.read_bytes()
        self._now = dict(self.names)
        self._sizes = {inode: len(data) for inode, data in self.contents.items()}

    def add(self, account: Path) -> None:
        process = _Process(self)
        for call in self._calls(account):
            process.take(call)

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

    # For the processes ------------------------------------------------------------------

    def inode(self, path: str) -> int | None:
        return self._now.get(path)

    def size(self, inode: int) -> int:
        return self._sizes.get(inode, 0)

    def do(self, event: Event) -> None:
        match event:
            case Name(inode, path, old):
                if old is not None:
                    self._now.pop(old, None)
                self._now[path] = inode
            case Unname(path):
                self._now.pop(path, None)
            case Write(inode, offset, data):
                self._sizes[inode] = max(self.size(inode), offset + len(data))
            case Resize(inode, size):
                self._sizes[inode] = size
        self.events.append(event)

    def new_file(self, path: str) -> int:
        inode = self._new_inode()
        self.do(Name(inode, path))
        return inode

    def _new_inode(self) -> int:
        self._next += 1
        return self._next - 1

    def _inside(self, path: str) -> str | None:
        """A path relative to the root; None for what is elsewhere or does not matter."""
        if path == str(self._root):
            return "."
        name = path.removeprefix(f"{self._root}/")
        return None if name == path or self._ignored.search(name) else name

    def name_of(self, argument: str, folder: str = "") -> str | None:
        path = _decoded(argument)
        return self._inside(os.path.normpath(Path(_path_of(folder), path)))


class _Process:
    """One process' open files; turns its calls into events."""

    def __init__(self, recording: Recording) -> None:
        self._to = recording
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

    def take(self, call: _Call) -> None:
        """Note one call; AssertionError for one that we do not understand on a file of ours."""
        handler = self._handlers.get(call.name)
        if handler is not None:
            handler(call)
            return
        touched = [argument for argument in call.arguments if self._touches(argument)]
        assert not touched, f"{call.name} is not understood"

    def _touches(self, argument: str) -> bool:
        if _TEXT.match(argument):
            return self._to.name_of(argument) is not None
        return argument[:1].isdigit() and self._file(argument).inode is not None

    def _file(self, argument: str) -> _Open:
        return self._open.setdefault(_number(argument), _Open())

    def _openat(self, call: _Call) -> None:
        folder, name, flags = call.arguments[:3]
        path = self._to.name_of(name, folder)
        file = self._open[call.result] = _Open(append="O_APPEND" in flags)
        if path is None:
            return
        inode = self._to.inode(path)
        if inode is None and "O_CREAT" in flags:
            inode = self._to.new_file(path)
        if inode is None or inode == FOLDER:
            file.path = path
            return
        file.inode = inode
        if "O_TRUNC" in flags and self._to.size(inode):
            self._to.do(Resize(inode, 0))

    def _close(self, call: _Call) -> None:
        self._open.pop(_number(call.arguments[0]), None)

    def _lseek(self, call: _Call) -> None:
        self._file(call.arguments[0]).offset = call.result

    def _write(self, call: _Call) -> None:
        file = self._file(call.arguments[0])
        if file.inode is not None:
            offset = self._to.size(file.inode) if file.append else file.offset
            self._to.do(Write(file.inode, offset, _bytes(call.arguments[1])[: call.result]))
            file.offset = offset + call.result

    def _pwrite(self, call: _Call) -> None:
        file = self._file(call.arguments[0])
        if file.inode is not None:
            data = _bytes(call.arguments[1])[: call.result]
            self._to.do(Write(file.inode, int(call.arguments[3]), data))

    def _ftruncate(self, call: _Call) -> None:
        file = self._file(call.arguments[0])
        if file.inode is not None:
            self._to.do(Resize(file.inode, int(call.arguments[1])))

    def _rename(self, call: _Call) -> None:
        old, new = (self._to.name_of(argument) for argument in call.arguments)
        if old is None and new is None:
            return
        assert old is not None, "a file comes from nowhere"
        assert new is not None, "a file goes nowhere"
        inode = self._to.inode(old)
        assert inode is not None, f"renamed, and never made: {old}"
        if inode != self._to.inode(new):  # two names of one file: rename does nothing
            self._to.do(Name(inode, new, old))

    def _link(self, call: _Call) -> None:
        old, new = (self._to.name_of(argument) for argument in call.arguments)
        inode = None if old is None else self._to.inode(old)
        if inode is not None and new is not None:
            self._to.do(Name(inode, new))

    def _unlink(self, call: _Call) -> None:
        path = self._to.name_of(call.arguments[0])
        if path is not None:
            self._to.do(Unname(path))

    def _mkdir(self, call: _Call) -> None:
        path = self._to.name_of(call.arguments[0])
        if path is not None:
            self._to.do(Name(FOLDER, path))

    def _fsync(self, call: _Call) -> None:
        file = self._file(call.arguments[0])
        if file.inode is not None:
            self._to.do(SyncFile(file.inode, call.began))
        elif file.path is not None:
            self._to.do(SyncFolder(file.path, call.began))

    def _sendto(self, call: _Call) -> None:
        connection = self._file(call.arguments[0])
        data = _bytes(call.arguments[1])[: call.result]
        connection.request = data if data.startswith(_POST) else connection.request + data
        text = _content(connection.request)
        if text is not None:
            self._to.do(Sent(text))

    def _recvfrom(self, call: _Call) -> None:
        connection = self._file(call.arguments[0])
        text = _content(connection.request)
        if text is not None and _bytes(call.arguments[1]).startswith(_ANSWERED):
            connection.request = b""
            self._to.do(Answered(text))


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


def _decoded(argument: str) -> str:
    return os.fsdecode(_bytes(argument))


def _path_of(argument: str) -> str:
    """The folder that an argument such as `AT_FDCWD</home>` names."""
    found = _FD.match(argument)
    hexed = found[1] if found is not None and found[1] else ""
    return os.fsdecode(bytes.fromhex(hexed.replace("\\x", "")))
