"""How long the texts of a notice may be, and what is left out."""

import pytest

from mem0tray.desktop.notify.notice import Notice, clipped, fitted


@pytest.mark.parametrize(
    ("platform", "title", "body"),
    [("win32", 63, 255), ("darwin", 63, 256), ("linux", 100, 500)],
)
@pytest.mark.parametrize("text", ["x" * 1000, "\U0001f600" * 1000, "é\n" * 1000])
def test_nothing_is_longer_than_the_platform_takes(
    platform: str, title: int, body: int, text: str
) -> None:
    """Counted in UTF-16 units, as Windows does; no character is cut in two."""
    found = fitted(Notice("Title", text, text), platform)
    for part, most in zip(found, (title, body), strict=True):
        units = len(part.encode("utf-16-le")) // 2
        assert units <= most
        assert part
    assert fitted(Notice("Title", "short", "a\nb"), platform) == ("short", "a\nb")


def test_clipping_is_shown() -> None:
    """What is cut ends in an ellipsis, what fits stays whole."""
    assert clipped("abcdef", 6) == "abcdef"
    assert clipped("abcdefg", 6) == "abcde…"
    assert clipped("abcd\U0001f600f", 6) == "abcd…"
