"""`packaging/build deb`: the Debian package of the last commit, on Debian 13's own libraries.

Debian's tools want `debian/` at the top of the sources: a copy in a scratch folder gets it. The
revision is the commit's time, so that apt takes each later build for an upgrade.
"""

import re
import shutil
import subprocess
import tempfile
import tomllib
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Final

import environment

DIST: Final = environment.ROOT / "dist"
OURS_ALONE: Final = (
    ":(exclude)mem0tray/window/static/htmx.*"  # minified; Debian's is linked instead
)
SYSTEM: Final = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"  # no other Python than Debian's
TOOLS: Final = {
    "dpkg-buildpackage": "dpkg-dev",
    "lintian": "lintian",
    "appstreamcli": "appstream",
    "desktop-file-validate": "desktop-file-utils",
}
# The project has no domain and no page yet, by which it could be named and looked up.
NO_PAGE: Final = (
    "cid-desktopapp-is-not-rdns=info,developer-info-missing=info,url-homepage-missing=info"
)


def main() -> None:
    """Build it, check it, and put it into `dist/`."""
    if changes := said("git", "status", "--porcelain", "--untracked-files=no"):
        environment.say(f"Not committed, and so not in the package:\n{changes}")
    if missing := [each for tool, each in TOOLS.items() if shutil.which(tool) is None]:
        environment.need_system(missing, "Building the package needs Debian's tools.")
    with tempfile.TemporaryDirectory(prefix="mem0tray-deb-") as folder:
        sources = prepared(Path(folder))
        environment.say("Building and checking it, which takes a minute.")
        said("env", SYSTEM, "dpkg-buildpackage", "-us", "-uc", folder=sources)
        check(Path(folder))
        DIST.mkdir(exist_ok=True)
        for each in DIST.glob("mem0tray_*"):
            each.unlink()
        for each in sorted(Path(folder).glob("mem0tray_*")):
            print(shutil.copy2(each, DIST))


def prepared(folder: Path) -> Path:
    """Make the sources as Debian wants them, and see to what building them needs."""
    version = tomllib.loads(environment.PYPROJECT.read_text(encoding="utf-8"))["project"]["version"]
    moment = datetime.fromtimestamp(int(said("git", "log", "-1", "--format=%ct")), UTC)
    sources, archive = folder / f"mem0tray-{version}", folder / f"mem0tray_{version}.orig.tar.gz"
    said("git", "archive", f"--prefix={sources.name}/", f"-o{archive}", "HEAD", ".", OURS_ALONE)
    shutil.unpack_archive(archive, folder, filter="data")
    debian = shutil.copytree(sources / "packaging" / "debian", sources / "debian")
    shutil.copy(sources / "LICENSE", debian / "copyright")
    (debian / "changelog").write_text(
        f"mem0tray ({version}-{moment:%Y%m%d%H%M%S}) unstable; urgency=medium\n\n"
        "  * CHANGELOG.md of the sources says what changed.\n\n"
        f" -- mem0tray contributors <mem0tray@example.org>  {format_datetime(moment)}\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        ["dpkg-checkbuilddeps"], cwd=sources, capture_output=True, text=True, check=False
    )
    if done.returncode:
        names = re.sub(r".*dependencies: |\(.*?\)", "", done.stderr).split()
        environment.need_system(names, "Building the package needs Debian's libraries.")
    return sources


def check(folder: Path) -> None:
    """Check the package as Debian does; warnings are shown, an error ends the build."""
    [package], [changes] = folder.glob("*.deb"), folder.glob("*.changes")
    share = folder / "installed" / "usr" / "share"
    said("dpkg-deb", "-x", str(package), str(folder / "installed"))
    said("desktop-file-validate", *map(str, share.glob("applications/*")))
    data = map(str, share.glob("metainfo/*"))
    said("appstreamcli", "validate", "--no-net", f"--override={NO_PAGE}", *data)
    environment.say(said("lintian", "--allow-root", "--fail-on=error", str(changes)))


def said(*command: str, folder: Path = environment.ROOT) -> str:
    """Run a command and return what it said; where it fails, that is shown."""
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        environment.fail(f"{done.stdout}\nThis failed: {' '.join(command)}")
    return done.stdout.strip()


if __name__ == "__main__":
    main()
