"""`packaging/update-icons`: draws the PNGs in `icons/png` from the masters `icons/*.svg`.

Each base has two masters, drawn so that edges fall between pixels: one on a
grid of 16, for 16, 32, 48 and so on, and one on a grid of 22, for the other
sizes that panels ask for. `drawn.json` keeps the digests of the masters and of
what was drawn from them, so that `--check` can tell without drawing that they
belong together.

Only the standard library is used here, and rsvg-convert, which draws.
"""

import argparse
import hashlib
import json
import shutil
import struct
import subprocess
from pathlib import Path

import environment

MASTERS = environment.ROOT / "icons"
DRAWN = MASTERS / "png"
RECORD = MASTERS / "drawn.json"
PLUG_IN = environment.ROOT / "packaging" / "claude-plugin" / ".claude-plugin" / "icon.png"
IN_DIRECTORY = 512  # the least that Claude Code's directory of plug-ins shows
BASES = ("healthy", "down", "paused", "action-needed")
ON_16 = (16, 32, 48, 64, 128, 256)
ON_22 = (18, 20, 22, 24, 36, 40, 44)  # 20 and 40: Windows at 125 and 250 %; 18 and 36: macOS
APP = "healthy"  # the program's own icon, where a system asks for one
ICO_SIZES = (16, 20, 24, 32, 40, 48, 64, 128, 256)
ICNS_SIZES = {
    16: b"icp4", 32: b"icp5", 64: b"icp6", 128: b"ic07", 256: b"ic08", 512: b"ic09", 1024: b"ic10",
}  # fmt: skip


def main() -> None:
    """Draw, or with `--check` only say whether all is drawn."""
    parser = argparse.ArgumentParser(description="Draw the icons anew from their masters.")
    parser.add_argument("--check", action="store_true", help="draw nothing; exit 1 if it is due")
    if parser.parse_args().check:
        check()
    else:
        draw_all()


def check() -> None:
    """Name the files that are not as they were when all was drawn."""
    drawn, found = json.loads(RECORD.read_text(encoding="utf-8")), digests()
    changed = sorted(name for name in drawn | found if drawn.get(name) != found.get(name))
    if changed:
        environment.fail(f"Changed: {', '.join(changed)}. Start packaging/update-icons.")
    print("The icons are as their masters say.")


def draw_all() -> None:
    """Draw all sizes, and the program's icon for Windows, macOS and Claude Code's plug-ins."""
    if shutil.which("rsvg-convert") is None:
        environment.need_system(["librsvg2-bin"], "Drawing the icons needs rsvg-convert.")
    DRAWN.mkdir(exist_ok=True)
    for base in BASES:
        for size in (*ON_16, *ON_22):
            target = DRAWN / f"{base}-{size}.png"
            target.write_bytes(draw(source(base, size), size))
    app = {size: (DRAWN / f"{APP}-{size}.png").read_bytes() for size in (*ON_16, *ON_22)}
    (DRAWN / "mem0tray.ico").write_bytes(ico({size: app[size] for size in ICO_SIZES}))
    (DRAWN / "mem0tray.icns").write_bytes(
        icns({size: draw(source(APP, size), size) for size in ICNS_SIZES})
    )
    PLUG_IN.write_bytes(draw(source(APP, IN_DIRECTORY), IN_DIRECTORY))
    RECORD.write_text(json.dumps(digests(), indent=2) + "\n", encoding="utf-8")
    print(f"{len(BASES)} bases at {len(app)} sizes are in {DRAWN.relative_to(environment.ROOT)}.")


def source(base: str, size: int) -> str:
    """The SVG of which a PNG of `size` pixels is drawn."""
    name = f"{base}-22.svg" if size in ON_22 else f"{base}.svg"
    text = (MASTERS / name).read_text(encoding="utf-8")
    if size == 24:  # noqa: PLR2004  (a margin of one pixel keeps the edges of the 22 sharp)
        text = text.replace('viewBox="0 0 22 22"', 'viewBox="-1 -1 24 24"')
    return text


def draw(svg: str, size: int) -> bytes:
    """A PNG, `size` pixels wide and high."""
    command = ["rsvg-convert", "--width", str(size), "--height", str(size)]
    return subprocess.run(command, input=svg.encode(), capture_output=True, check=True).stdout


def ico(images: dict[int, bytes]) -> bytes:
    """Windows' container: a directory with the place of each PNG, then the PNGs."""
    head = struct.pack("<HHH", 0, 1, len(images))
    place = len(head) + 16 * len(images)
    for size, png in images.items():
        side = size % 256  # 256 is written as 0
        head += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(png), place)
        place += len(png)
    return head + b"".join(images.values())


def icns(images: dict[int, bytes]) -> bytes:
    """Apple's container: each PNG behind the code of its size."""
    parts = [
        ICNS_SIZES[size] + struct.pack(">I", 8 + len(png)) + png for size, png in images.items()
    ]
    body = b"".join(parts)
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


def digests() -> dict[str, str]:
    """The SHA-256 of every master and of everything drawn, by its path in the repository."""
    files = [*MASTERS.glob("*.svg"), *DRAWN.glob("*.png"), *DRAWN.glob("*.ic*")]
    files += PLUG_IN.parent.glob(PLUG_IN.name)
    return {
        file.relative_to(environment.ROOT).as_posix(): hashlib.sha256(_content(file)).hexdigest()
        for file in sorted(files)
    }


def _content(file: Path) -> bytes:
    """The same on Windows, where git may write other line ends."""
    if file.suffix == ".svg":
        return file.read_text(encoding="utf-8").encode()
    return file.read_bytes()


if __name__ == "__main__":
    main()
