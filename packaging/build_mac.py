"""`packaging/build mac`: mem0tray.app with its own Python, signed ad hoc, and its cask (Homebrew).

On other systems the configuration alone is checked. An argument says where the release will be.
"""

import plistlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import environment
import homebrew
from environment import run

from mem0tray import __version__
from mem0tray.desktop.session import BUNDLE

BRIEFCASE: Final = "briefcase==0.4.7"
APP: Final = environment.ROOT / "build" / "mem0tray" / "macos" / "app" / "mem0tray.app"
# Run with Briefcase's Python: it reads the configuration, raises at a fault, and warns in a banner.
READ: Final = """
import pathlib
from briefcase.config import DraftAppConfig, parse_config
from briefcase.console import Console
_, apps = parse_config(pathlib.Path("pyproject.toml"), "macOS", "app", Console())
app = DraftAppConfig(**apps["mem0tray"])
print(app.bundle_identifier, app.formal_name, app.info)
"""


def main() -> None:
    """Check the configuration, and build on a Mac."""
    with tempfile.TemporaryDirectory(prefix="mem0tray-briefcase-") as name:
        tools = Path(name)
        environment.uv("venv", "--python", sys.executable, tools)
        environment.uv("pip", "install", "--python", environment.python(tools), BRIEFCASE)
        read = run(environment.python(tools), "-I", "-c", READ)
        if read != f"{BUNDLE} mem0tray {{'LSUIElement': True}}\n":
            environment.fail(f"Not what the program looks for: {read}")
        if sys.platform == "darwin":
            build(environment.command("briefcase", tools))
        else:
            print("The configuration of mem0tray.app is in order. The rest needs a Mac.")


def build(briefcase: Path) -> None:
    """Build it, try what needs no eyes, and pack it into `dist/`."""
    shutil.rmtree(APP.parent, ignore_errors=True)
    run(briefcase, "build", "macOS", "app", "--no-input")
    run("codesign", "--verify", "--deep", "--strict", APP)
    run("plutil", "-lint", APP / "Contents" / "Info.plist")
    info = plistlib.loads((APP / "Contents" / "Info.plist").read_bytes())
    program = APP / "Contents" / "MacOS" / "mem0tray"
    said = run(program, "--version")
    run(program, "demo", "--fast", "--no-tray")  # its processes are the program again
    found = info["CFBundleIdentifier"], info["LSUIElement"], said.split()[-1]
    if found != (BUNDLE, True, __version__):
        environment.fail(f"Not what was asked for: {found}")
    packed = environment.ROOT / "dist" / f"mem0tray-{__version__}-macos.zip"
    packed.parent.mkdir(exist_ok=True)
    run("ditto", "-c", "-k", "--keepParent", APP, packed)
    homebrew.fill("mem0tray-app.rb", packed, {"@BUNDLE@": BUNDLE})


if __name__ == "__main__":
    main()
