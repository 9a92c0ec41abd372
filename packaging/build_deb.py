"""`packaging/build deb`: the Debian package of the last commit, on Debian 13's own libraries.

Debian's tools want `debian/` at the top of the sources: a copy in a scratch folder gets it. The
revision is the commit's time, so that apt takes each later build for an upgrade.
"""

import re
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Final

import environment

from mem0tray import __version__

DIST: Final = environment.ROOT / "dist"
DEBIAN: Final = environment.ROOT / "packaging" / "debian"
OURS_ALONE: Final = (
    ":(exclude)mem0tray/window/static/htmx.*"  # minified; Debian's is linked instead
)
SYSTEM: Final = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"  # no other Python than Debian's
TOOLS: Final = {"dpkg-buildpackage": "dpkg-dev", "lintian": "lintian", "appstreamcli": "appstream"}
# The project has no domain and no page yet, by which it could be named and looked up.
NO_PAGE: Final = (
    "cid-desktopapp-is-not-rdns=info,developer-info-missing=info,url-homepage-missing=info"
)


def main() -> None:
    """Build it, check it as Debian does (an error ends that), and put it into `dist/`."""
    if changes := environment.run("git", "status", "--porcelain", "--untracked-files=no"):
        environment.say(f"Not committed, and so not in the package:\n{changes}")
    need_all()
    metadata = DEBIAN / "mem0tray.metainfo.xml"
    environment.run("appstreamcli", "validate", "--no-net", f"--override={NO_PAGE}", metadata)
    with tempfile.TemporaryDirectory(prefix="mem0tray-deb-") as name:
        folder = Path(name)
        sources = prepared(folder)
        environment.say("Building and checking it, which takes a minute.")
        environment.run("env", SYSTEM, "dpkg-buildpackage", "-us", "-uc", folder=sources)
        environment.say(
            environment.run("lintian", "--allow-root", "--fail-on=error", folder=sources)
        )
        DIST.mkdir(exist_ok=True)
        for each in DIST.glob("mem0tray_*"):
            each.unlink()
        for each in sorted(folder.glob("mem0tray_*")):
            print(shutil.copy2(each, DIST))


def need_all() -> None:
    """See that Debian's tools and libraries are there, or stop and say which not."""
    if missing := [each for tool, each in TOOLS.items() if shutil.which(tool) is None]:
        environment.need_system(missing, "Building the package needs Debian's tools.")
    done = subprocess.run(
        ["dpkg-checkbuilddeps", DEBIAN / "control"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        names = re.sub(r".*dependencies: |\(.*?\)", "", done.stderr).split()
        environment.need_system(names, "Building the package needs Debian's libraries.")


def prepared(folder: Path) -> Path:
    """Make the sources as Debian wants them."""
    moment = datetime.fromtimestamp(int(environment.run("git", "log", "-1", "--format=%ct")), UTC)
    sources = folder / f"mem0tray-{__version__}"
    archive = folder / f"mem0tray_{__version__}.orig.tar.gz"
    into = (f"--prefix={sources.name}/", f"--output={archive}")
    environment.run("git", "archive", *into, "HEAD", ".", OURS_ALONE)
    shutil.unpack_archive(archive, folder, filter="data")
    debian = shutil.copytree(sources / "packaging" / "debian", sources / "debian")
    shutil.copy(sources / "LICENSE", debian / "copyright")
    (debian / "changelog").write_text(
        f"mem0tray ({__version__}-{moment:%Y%m%d%H%M%S}) unstable; urgency=medium\n\n"
        "  * CHANGELOG.md of the sources says what changed.\n\n"
        f" -- mem0tray contributors <mem0tray@example.org>  {format_datetime(moment)}\n",
        encoding="utf-8",
    )
    return sources


if __name__ == "__main__":
    main()
