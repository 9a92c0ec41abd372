"""`packaging/build mac`: mem0tray.app with its own Python, signed ad hoc, and its cask (Homebrew).

On other systems the configuration alone is checked. An argument says where the release will be.
"""

import plistlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import environment
import homebrew
from PIL import Image

from mem0tray import __version__
from mem0tray.desktop.session import BUNDLE

BRIEFCASE: Final = "briefcase==0.4.7"
APP: Final = environment.ROOT / "build" / "mem0tray" / "macos" / "app" / "mem0tray.app"
ICON_SIZES: Final = {16, 32, 128, 256, 512}  # points, some of them at 2x: what Finder asks for
# Run with Briefcase's Python: its own reading of the configuration, as a property list.
READ: Final = """
import pathlib, plistlib, sys
from briefcase.config import DraftAppConfig, parse_config
from briefcase.console import Console
_, apps = parse_config(pathlib.Path("pyproject.toml"), "macOS", "app", Console())
app = DraftAppConfig(**apps["mem0tray"])
kept = ("bundle_identifier", "formal_name", "icon", "info", "min_os_version", "requires", "sources")
plistlib.dump({name: getattr(app, name) for name in kept}, sys.stdout.buffer)
"""


def main() -> None:
    """Check the configuration; on a Mac build the app, look at it, and pack it into `dist/`."""
    with tempfile.TemporaryDirectory(prefix="mem0tray-briefcase-") as name:
        tools = Path(name)
        environment.uv("venv", "--python", sys.executable, tools)
        environment.uv("pip", "install", "--python", environment.python(tools), BRIEFCASE)
        check(tools)
        if sys.platform == "darwin":
            build(tools)
        else:
            print("The configuration of mem0tray.app is in order. The rest needs a Mac.")


def check(tools: Path) -> None:
    """Compare what Briefcase reads with what the program and macOS rely on."""
    read = subprocess.run(
        [environment.python(tools), "-I", "-c", READ],
        cwd=environment.ROOT, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    app: dict[str, Any] = plistlib.loads(read.stdout)
    if (app["bundle_identifier"], app["info"]) != (BUNDLE, {"LSUIElement": True}):
        environment.fail(f"Not our bundle: {app}")
    pinned = environment.CONSTRAINTS.read_text(encoding="utf-8")
    for name in app["requires"]:
        if f"{name.partition('>')[0].partition(';')[0].strip().lower()}==" not in pinned.lower():
            environment.fail(f"{name} is not pinned in {environment.CONSTRAINTS.name}")
    with Image.open(environment.ROOT / f"{app['icon']}.icns") as icon:
        icon.load()
        found = {size[0] for size in icon.info["sizes"]}
    if missing := ICON_SIZES - found:
        environment.fail(f"{app['icon']}.icns lacks {missing}")


def build(tools: Path) -> None:
    """Build, try what needs no eyes, and pack."""
    shutil.rmtree(APP.parent, ignore_errors=True)
    briefcase = environment.command("briefcase", tools)
    program = APP / "Contents" / "MacOS" / "mem0tray"
    dist = environment.ROOT / "dist"
    packed = dist / f"mem0tray-{__version__}-macos.zip"
    dist.mkdir(exist_ok=True)
    commands: tuple[list[str | Path], ...] = (
        [briefcase, "build", "macOS", "app", "--no-input"],
        ["codesign", "--verify", "--deep", "--strict", APP],
        ["plutil", "-lint", APP / "Contents" / "Info.plist"],
        [program, "demo", "--fast", "--no-tray"],  # its processes are the program again
        ["ditto", "-c", "-k", "--keepParent", APP, packed],
    )
    for command in commands:
        subprocess.run(command, cwd=environment.ROOT, check=True)
    said = subprocess.check_output([program, "--version"], encoding="utf-8")
    info = plistlib.loads((APP / "Contents" / "Info.plist").read_bytes())
    if __version__ not in said or (info["CFBundleIdentifier"], info["LSUIElement"]) != (BUNDLE, 1):
        environment.fail(f"Not what was asked for: {said} {info}")
    homebrew.fill("mem0tray-app.rb", packed, {"@BUNDLE@": BUNDLE})


if __name__ == "__main__":
    main()
