"""The icon: which look, and whether people can tell the looks apart."""

from itertools import combinations

import pytest
from PIL import Image, ImageChops, ImageStat

from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, STARTING
from mem0tray.desktop.tray.icon import BASES, IconLook, compose, icon_file, look

SIZES = (16, 22, 44)
PANELS = ("#f6f6f6", "#2b2b2b")
BADGES = ((None, ""), ("amber", "3"), ("red", "6"), ("red", "9+"))
LOOKS = [IconLook(base, *badge) for base in sorted(set(BASES.values())) for badge in BADGES]


def difference(one: Image.Image, other: Image.Image) -> float:
    """The share of the larger silhouette in which two alpha masks differ, from 0."""
    masks = [image.getchannel("A") for image in (one, other)]
    total = max(ImageStat.Stat(mask).sum[0] for mask in masks)
    return ImageStat.Stat(ImageChops.difference(*masks)).sum[0] / total


def luminance(colour: tuple[int, ...]) -> float:
    """The relative luminance of WCAG, 0 to 1."""
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
    """How many pixels have which colour, the most first."""
    counts = image.convert("RGB").getcolors(image.width * image.height) or []
    return sorted(((n, shade) for n, shade in counts if isinstance(shade, tuple)), reverse=True)


def readable_share(image: Image.Image, panel: str) -> float:
    """The share of the pixels that differ from the panel by a contrast of 3:1 and more."""
    shown = Image.new("RGBA", image.size, panel)
    [(pixels, ground)] = colours(shown)
    shown.alpha_composite(image)
    return sum(count for count, shade in colours(shown) if contrast(shade, ground) >= 3.0) / pixels


# Which look ----------------------------------------------------------------------


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
    """Each of the worker's states has its base; a state that nobody knows is shown as waiting."""
    assert look(state, 0, 5) == IconLook(base)


@pytest.mark.parametrize(
    ("dlq_size", "investigate", "badge", "text"),
    [
        (0, 5, None, ""),
        (1, 5, "amber", "1"),
        (5, 5, "amber", "5"),
        (6, 5, "red", "6"),
        (9, 5, "red", "9"),
        (10, 5, "red", "9+"),
        (10**6, 5, "red", "9+"),
        (1, 0, "red", "1"),
        (10, 10, "amber", "9+"),
        (-1, 5, None, ""),
        (-1, -2, None, ""),
        (2**63, 5, "red", "9+"),
    ],
)
def test_the_badge_tells_the_number(
    dlq_size: int, investigate: int, badge: str | None, text: str
) -> None:
    """No badge without dead letters; amber up to `investigate`, red above; one digit, or 9+."""
    assert look(HEALTHY, dlq_size, investigate) == IconLook("healthy", badge, text)


def test_state_and_number_show_at_once() -> None:
    """A server that is down keeps its base beside the badge."""
    assert look(DOWN, 6, 5) == IconLook("down", "red", "6")


# Told apart by shape -------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("badge", BADGES)
def test_bases_differ_in_shape(badge: tuple[str | None, str], size: int) -> None:
    """Without colour, any two bases differ clearly, also behind the same badge."""
    images = [compose(IconLook(base, *badge), size) for base in sorted(set(BASES.values()))]
    least = 0.25 if badge[0] is None else 0.12  # the badge is common to both
    for one, other in combinations(images, 2):
        assert difference(one, other) > least


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("base", sorted(set(BASES.values())))
def test_badges_differ_in_shape(base: str, size: int) -> None:
    """Without colour, no badge, the amber one and the red one differ."""
    none, amber, red = (compose(IconLook(base, *badge), size) for badge in BADGES[:3])
    assert difference(none, amber) > 0.25
    assert difference(none, red) > 0.25
    assert difference(amber, red) > 0.08


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("colour", ["amber", "red"])
def test_counts_differ(colour: str, size: int) -> None:
    """Every count is another picture inside of the badge."""
    texts = [*"123456789", "9+"]
    images = {compose(IconLook("healthy", colour, text), size).tobytes() for text in texts}
    assert len(images) == len(texts)


@pytest.mark.parametrize("size", SIZES)
def test_a_gap_parts_badge_and_base(size: int) -> None:
    """Along the row in the badge's middle, something transparent stands before the badge."""
    alpha = compose(IconLook("healthy", "red", "6"), size).getchannel("A")
    row = [alpha.getpixel((x, round(size * 0.88))) for x in range(size)]
    badge = next(x for x in range(size) if row[x:] == [255] * (size - x))
    assert row[badge - 1] == 0
    assert 255 in row[: badge - 1]


@pytest.mark.parametrize("size", SIZES)
def test_nothing_of_the_base_is_left_outside_the_badge(size: int) -> None:
    """The corner that a round badge leaves is empty, not a splinter of the tray."""
    alpha = compose(IconLook("down", "amber", "1"), size).getchannel("A")
    assert alpha.getpixel((size - 1, size - 1)) == 0


# Read on any panel ---------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("seen", LOOKS, ids=str)
def test_it_is_readable_on_light_and_dark(seen: IconLook, panel: str, size: int) -> None:
    """At least a quarter of the square stands out from the panel by 3:1."""
    assert readable_share(compose(seen, size), panel) > 0.25


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("badge", BADGES[1:])
def test_a_badge_is_readable_on_light_and_dark(
    badge: tuple[str, str], panel: str, size: int
) -> None:
    """The badge's edge stands out by 3:1, also where its filling does not."""
    side = int(size * 0.58) | 1
    left, middle = size - side, size - side // 2 - 1
    edge = compose(IconLook("healthy", *badge), size).crop((left, middle, left + 2, middle + 1))
    assert readable_share(edge, panel) >= 0.5


def test_the_number_is_readable_in_its_badge() -> None:
    """Digits stand out from the filling: dark on amber by 4.5:1 and more, white on red by 4:1."""
    for colour, least in (("amber", 4.5), ("red", 4.0)):
        image = compose(IconLook("healthy", colour, "4"), 256)
        (_, filling), (_, ink), *_ = colours(image.crop((140, 140, 220, 220)))
        assert contrast(filling, ink) > least


@pytest.mark.parametrize("size", [16, 20, 22, 24])
@pytest.mark.parametrize("text", [*"123456789", "9+"])
def test_small_digits_are_sharp(text: str, size: int) -> None:
    """Where pixels are few, digits are made of whole ones: ink or filling, nothing between."""
    side = int(size * 0.58) | 1
    image = compose(IconLook("healthy", "red", text), size)
    box = (size - side + 1, size - side + 1, size - 1, size - 1)
    assert len(colours(image.crop(box))) == 2


@pytest.mark.parametrize("size", [16, 22, 32, 44, 64, 256])
def test_digits_fill_the_badge(size: int) -> None:
    """At every size a digit is between half of the badge's height and all but its rim."""
    side = int(size * 0.58) | 1
    image = compose(IconLook("healthy", "red", "8"), size)
    badge = image.crop((size - side, size - side, size, size)).convert("RGB")
    white = badge.getchannel("G").point(lambda value: 255 * (value > 150))
    box = white.getbbox()
    assert box is not None
    assert 0.5 < (box[3] - box[1]) / side < 0.8


@pytest.mark.parametrize("base", sorted(set(BASES.values())))
def test_edges_are_sharp_where_panels_are(base: str) -> None:
    """The tray's floor and sides fall between pixels at the sizes that panels use."""
    for size, thick in ((16, 2), (22, 3), (32, 4), (44, 6)):
        alpha = compose(IconLook(base), size).getchannel("A")
        column = [alpha.getpixel((size // 2, y)) for y in range(size - thick - 1, size)]
        assert column == [0] + [255] * thick


# Composed once -------------------------------------------------------------------


def test_a_picture_is_composed_once() -> None:
    """The same look at the same size is the same object."""
    seen = IconLook("down", "red", "7")
    assert compose(seen, 22) is compose(IconLook("down", "red", "7"), 22)


def test_a_badge_leaves_the_base_as_it_was() -> None:
    """Pictures are shared, so that composing one changes no other."""
    before = compose(IconLook("paused"), 44).tobytes()
    compose(IconLook("paused", "amber", "2"), 44)
    assert compose(IconLook("paused"), 44).tobytes() == before


@pytest.mark.parametrize("size", [8, 15, 16, 17, 22, 23, 24, 28, 33, 48, 100, 256, 300, 512])
def test_any_size_is_made_exactly(size: int) -> None:
    """Sizes between the drawn ones are made as well, in RGBA."""
    for seen in (
        IconLook("healthy"),
        IconLook("healthy", "amber", "3"),
        IconLook("healthy", "red", "9+"),
    ):
        image = compose(seen, size)
        assert (image.mode, image.size) == ("RGBA", (size, size))


@pytest.mark.parametrize(("asked", "made"), [(-5, 8), (0, 8), (1, 8), (513, 512), (10**9, 512)])
def test_senseless_sizes_become_the_nearest_sensible(asked: int, made: int) -> None:
    """A desktop that reports nonsense gets an icon all the same."""
    assert compose(IconLook("down", "red", "9+"), asked).size == (made, made)


def test_the_programs_own_icon_is_there() -> None:
    """Windows and macOS find containers with what they need, the largest being 256."""
    for name in ("mem0tray.ico", "mem0tray.icns"):
        with Image.open(icon_file(name)) as file:
            assert file.size == (256, 256)
