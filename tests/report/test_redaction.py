"""Foreign text made harmless."""

from mem0tray.config.settings import ServerSettings
from mem0tray.report.redaction import HIDDEN, Cleaner


def _cleaner(key: str = "", url: str = "") -> Cleaner:
    return Cleaner(ServerSettings(api_key=key, url=url))


def test_a_secret_is_hidden_before_the_text_is_cut() -> None:
    """No beginning of it is left at the end."""
    cleaner = _cleaner("sesame-3c1f")
    assert "sesame" not in cleaner.line("x" * 15 + "sesame-3c1f", 20)
    assert cleaner.short_id("sesame-3c1f") == HIDDEN
    assert "sesame" not in cleaner.block("x" * 15 + "sesame-3c1f", 20)


def test_passwords_in_addresses() -> None:
    """What stands before an @ in an address is hidden, with an @ in it too; mail is not."""
    line = _cleaner().line("at http://me:p@ss@host/x and me@example.com", 100)
    assert line == f"at http://{HIDDEN}@host/x and me@example.com"


def test_the_password_of_the_settings_however_it_is_written() -> None:
    """As it stands in the address, and decoded."""
    cleaner = _cleaner(url="http://me:pa%24word@host")
    assert cleaner.line("pa%24word or pa$word", 100) == f"{HIDDEN} or {HIDDEN}"


def test_a_settings_url_that_is_none() -> None:
    """It is no reason to fail."""
    assert _cleaner(url="http://[").line("text", 10) == "text"


def test_a_block_keeps_its_lines() -> None:
    """Up to a limit, which shows."""
    cleaner = _cleaner()
    assert cleaner.block("a\n\tb\x00c\n", 100) == "a\nb c"
    assert cleaner.block("x" * 30, 10) == "x" * 10 + " …"
    assert cleaner.block("\n".join("x" * 100), 1000).endswith(" …")
