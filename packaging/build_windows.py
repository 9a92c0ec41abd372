"""`packaging/build windows`: the program for Windows, its installer, and winget's manifest of it.

PyInstaller runs under Wine, with Windows' own Python. An argument says where the release will be.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from typing import Any, Final

import environment
import windows

HERE: Final = environment.ROOT / "packaging" / "windows"
FOLDER: Final = environment.ROOT / "build" / "mem0tray"
DIST: Final = environment.ROOT / "dist"
PACKAGER: Final = (
    "keyring>=25,<26", "pywin32-ctypes", "pefile==2024.8.26", "pyinstaller==6.22.3",
    "pyinstaller-hooks-contrib==2026.9",
)  # fmt: skip
NAME: Final = "mem0tray.mem0tray"
SCHEMA: Final = "1.12.0"


def main() -> None:
    """Make all of it in `dist/`."""
    if shutil.which("makensis") is None:
        environment.need_system(["nsis"], "NSIS makes the installer.")
    project = tomllib.loads(environment.PYPROJECT.read_text(encoding="utf-8"))["project"]
    with windows.started(PACKAGER) as system:
        words = ["-m", "PyInstaller", "--noconfirm", "--log-level", "ERROR", "--workpath", r"C:\w"]
        words += ["--distpath", str(windows.path(FOLDER.parent)), "mem0tray.spec"]
        subprocess.run(system.command(*words), env=system.environ(), cwd=HERE, check=True)
    DIST.mkdir(exist_ok=True)
    installer = DIST / f"mem0tray-{project['version']}-setup.exe"
    words = [f"-DVERSION={project['version']}", f"-DFROM={FOLDER}"]
    words += ["-V2", "-WX", f"-XOutFile {installer}"]
    subprocess.run(["makensis", *words, HERE / "installer.nsi"], check=True)
    url = f"{(sys.argv[1:] or ['https://example.org'])[0]}/{installer.name}"
    digest = hashlib.sha256(installer.read_bytes()).hexdigest().upper()
    for name, manifest in manifests(project, url, digest).items():
        lines = [f"{key}: {json.dumps(value)}\n" for key, value in manifest.items()]
        (DIST / f"{NAME}{name}.yaml").write_text("".join(lines), encoding="utf-8")


def manifests(project: Mapping[str, Any], url: str, digest: str) -> dict[str, dict[str, Any]]:
    """Return winget's documents of a release, by what their files' names end in."""
    head = {"PackageIdentifier": NAME, "PackageVersion": project["version"]}
    installer = {"Architecture": "x64", "InstallerUrl": url, "InstallerSha256": digest}
    kinds: dict[str, dict[str, Any]] = {
        "": {"ManifestType": "version", "DefaultLocale": "en-US"},
        ".installer": {
            "ManifestType": "installer", "InstallerType": "nullsoft", "Scope": "user",
            "MinimumOSVersion": "10.0.17763.0", "Commands": ["mem0tray"],
            "ProductCode": "mem0tray", "Installers": [installer],
        },
        ".locale.en-US": {
            "ManifestType": "defaultLocale", "PackageLocale": "en-US", "PackageName": "mem0tray",
            "Publisher": "mem0tray", "License": project["license"], "Tags": project["keywords"],
            "ShortDescription": project["description"],
        },
    }  # fmt: skip
    return {name: head | kind | {"ManifestVersion": SCHEMA} for name, kind in kinds.items()}


if __name__ == "__main__":
    main()
