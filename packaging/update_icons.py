"""`packaging/update icons`: draws the PNGs in `icons/png` from the masters `icons/*.svg`.

Each base has two masters, drawn so that edges fall between pixels: one on a
grid of 16, for 16, 32, 48 and so on, and one on a grid of 22, for the other
sizes that panels ask for. `drawn.json` keeps the digests of the masters and of
what was drawn from them, so that `--check` can tell without drawing that they
belong together.

rsvg-convert draws them, Pillow writes the files of Windows and macOS that hold several.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from io import BytesIO

import environment
from PIL import Image

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
ICNS_SIZES = (32, 64, 128, 256, 512, 1024)


def main() -> None:
    """Draw, or with `--check` only say whether all is drawn."""
    if "--check" in sys.argv:
        check()
    else:
        draw_all()


def check() -> None:
    """Name the files that are not as they were when all was drawn."""
    drawn, found = json.loads(RECORD.read_text(encoding="utf-8")), digests()
    changed = sorted(name for name in drawn | found if drawn.get(name) != found.get(name))
    if changed:
        environment.fail(f"Changed: {', '.join(changed)}. Start packaging/update icons.")
    print("The icons are as their masters say.")


def draw_all() -> None:
    """Draw all sizes, and the program's icon for Windows, macOS and Claude Code's plug-ins."""
    if shutil.which("rsvg-convert") is None:
        environment.need_system(["librsvg2-bin"], "Drawing the icons needs rsvg-convert.")
    DRAWN.mkdir(exist_ok=True)
    for base in BASES:
        for size in (*ON_16, *ON_22):
            (DRAWN / f"{base}-{size}.png").write_bytes(draw(base, size))
    for kind, sizes in {"ico": ICO_SIZES, "icns": ICNS_SIZES}.items():
        *smaller, largest = (Image.open(BytesIO(draw(APP, size))) for size in sizes)
        in_file = [(size, size) for size in sizes]
        largest.save(DRAWN / f"mem0tray.{kind}", append_images=smaller, sizes=in_file)
    PLUG_IN.write_bytes(draw(APP, IN_DIRECTORY))
    RECORD.write_text(json.dumps(digests(), indent=2) + "\n", encoding="utf-8")
    print(f"The icons are in {DRAWN.relative_to(environment.ROOT)}.")


def draw(base: str, size: int) -> bytes:
    """A PNG, `size` pixels wide and high."""
    name = f"{base}-22.svg" if size in ON_22 else f"{base}.svg"
    text = (MASTERS / name).read_text(encoding="utf-8")
    if size == 24:  # noqa: PLR2004  (a margin of one pixel keeps the edges of the 22 sharp)
        text = text.replace('viewBox="0 0 22 22"', 'viewBox="-1 -1 24 24"')
    command = ["rsvg-convert", "--width", str(size), "--height", str(size)]
    return subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout


def digests() -> dict[str, str]:
    """The SHA-256 of every master and of everything drawn, by its path in the repository."""
    files = [*MASTERS.glob("*.svg"), *DRAWN.glob("*.png"), *DRAWN.glob("*.ic*")]
    files += PLUG_IN.parent.glob(PLUG_IN.name)
    return {
        file.relative_to(environment.ROOT).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(files)
    }


if __name__ == "__main__":
    main()
