"""The icon: which look, and whether people can tell the looks apart."""

import functools
from itertools import combinations

import pytest
from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat

from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, STARTING
from mem0tray.desktop.tray.icon import BASES, IconLook, compose, icon_file, look

SIZES = (16, 22, 24, 44)
SHOWN = (16, 22, 24, 32, 44, 48, 64)  # what panels are given over the bus
PANELS = ("#f6f6f6", "#2b2b2b")
BREEZE = ("#eff0f1", "#31363b", "#2a2e32", "#3daee9")  # Plasma: light, both dark ones, selected
PLAIN = ("#ffffff", "#000000", "#3465a4", "#1f4e9c", "#0078d7")  # the extremes, and blue ones
BADGES = ((None, ""), ("amber", "3"), ("red", "6"), ("red", "9+"))
LOOKS = [IconLook(base, *badge) for base in sorted(set(BASES.values())) for badge in BADGES]


def halo_width(size: int) -> int:
    return max(1, round(size / 18))


def shapes(image: Image.Image) -> Image.Image:
    """What is not white on a white panel, as a mask: the shapes without their colours."""
    shown = Image.new("RGBA", image.size, "white")
    shown.alpha_composite(image)
    return shown.convert("L").point(lambda value: 255 * (value < 200))


def difference(one: Image.Image, other: Image.Image) -> float:
    """The share of the larger one's shapes in which two icons differ, from 0."""
    masks = [shapes(image) for image in (one, other)]
    total = max(ImageStat.Stat(mask).sum[0] for mask in masks)
    return ImageStat.Stat(ImageChops.difference(*masks)).sum[0] / total


@functools.cache
def luminance(colour: tuple[int, ...]) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """The contrast of WCAG, 1 to 21; 3 is what it asks of graphics."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colours(image: Image.Image) -> list[tuple[int, tuple[int, ...]]]:
    counts = image.convert("RGB").getcolors(image.width * image.height) or []
    return sorted(((n, shade) for n, shade in counts if isinstance(shade, tuple)), reverse=True)


def faint(image: Image.Image, panel: str) -> int:
    """How many pixels of the silhouette's edge have nothing near that stands out by 3:1."""
    shown = Image.new("RGBA", image.size, panel)
    [(_, ground)] = colours(shown)
    shown.alpha_composite(image)
    data = shown.convert("RGB").tobytes()
    pixels = list(zip(data[::3], data[1::3], data[2::3], strict=True))
    found = {shade: 255 * (contrast(shade, ground) >= 3.0) for shade in set(pixels)}
    stands_out = Image.new("L", image.size)
    stands_out.putdata([found[shade] for shade in pixels])
    reach = halo_width(image.width) + -(-image.width // 22)
    near = stands_out
    for _ in range(reach):
        near = near.filter(ImageFilter.MaxFilter(3))
    inside = ImageOps.expand(image.getchannel("A").point(lambda alpha: 255 * (alpha > 127)), 1)
    edge = ImageChops.subtract(inside, inside.filter(ImageFilter.MinFilter(3)))
    lost = ImageChops.subtract(edge, ImageOps.expand(near, 1))
    return lost.histogram()[255]


@pytest.mark.parametrize(
    ("state", "base"),
    [
        (HEALTHY, "healthy"),
        (DOWN, "down"),
        (PAUSED, "paused"),
        (STARTING, "paused"),
        (ACTION_NEEDED, "action-needed"),
        ("a state of a later version", "paused"),
    ],
)
def test_the_base_tells_the_state(state: str, base: str) -> None:
    assert look(state, 0, 5) == IconLook(base)


@pytest.mark.parametrize(
    ("dlq_size", "investigate", "badge", "text"),
    [
        (0, 5, None, ""),
        (1, 5, "amber", "1"),
        (5, 5, "amber", "5"),
        (6, 5, "red", "6"),
        (10, 5, "red", "9+"),
        (10**6, 5, "red", "9+"),
        (1, 0, "red", "1"),
        (-1, 5, None, ""),
    ],
)
def test_the_badge_tells_the_number(
    dlq_size: int, investigate: int, badge: str | None, text: str
) -> None:
    assert look(HEALTHY, dlq_size, investigate) == IconLook("healthy", badge, text)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("badge", BADGES)
def test_bases_differ_in_shape(badge: tuple[str | None, str], size: int) -> None:
    images = [compose(IconLook(base, *badge), size) for base in sorted(set(BASES.values()))]
    least = 0.25 if badge[0] is None else 0.2  # the badge is common to both
    for one, other in combinations(images, 2):
        assert difference(one, other) > least


@pytest.mark.parametrize("size", SHOWN)
def test_its_outline_stands_out_from_any_panel(size: int) -> None:
    panels = (*PANELS, *BREEZE, *PLAIN)
    lost = {(seen, panel): faint(compose(seen, size), panel) for seen in LOOKS for panel in panels}
    assert {each: pixels for each, pixels in lost.items() if pixels} == {}


@pytest.mark.parametrize("size", [16, 20, 22, 24, 32, 44, 48, 64])
def test_a_count_stands_where_it_can_be_read_and_else_a_dot(size: int) -> None:
    one, two = (compose(IconLook("healthy", "amber", text), size) for text in "12")
    assert (one != two) == (size >= 32)


@pytest.mark.parametrize(
    ("asked", "made"),
    [*((size, size) for size in (8, 15, 17, 23, 28, 48, 100, 300, 512)), (-5, 8), (10**9, 512)],
)
def test_any_sensible_size_is_made_exactly(asked: int, made: int) -> None:
    for badge in BADGES:
        image = compose(IconLook("healthy", *badge), asked)
        assert (image.mode, image.size) == ("RGBA", (made, made))


@pytest.mark.parametrize(("name", "size"), [("mem0tray.ico", 256), ("mem0tray.icns", 1024)])
def test_the_programs_own_icon_is_there(name: str, size: int) -> None:
    """As large as its system shows it: Finder has 512 points at 2x."""
    with Image.open(icon_file(name)) as file:
        assert file.size == (size, size)
