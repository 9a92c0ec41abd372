"""Where the session bus is."""

from pathlib import Path

from mem0tray.desktop.bus import address_of


def test_the_address_that_the_session_names_is_taken(tmp_path: Path) -> None:
    """A bus that the environment names is the session's, whatever else is there."""
    (tmp_path / "bus").touch()
    named = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/x", "XDG_RUNTIME_DIR": str(tmp_path)}
    assert address_of(named) == "unix:path=/x"


def test_a_session_that_names_none_has_its_bus_in_the_runtime_folder(tmp_path: Path) -> None:
    """The user's own bus is found where systemd puts it, and nowhere else."""
    folder = tmp_path / "a b"
    folder.mkdir()
    assert address_of({"XDG_RUNTIME_DIR": str(folder)}) == ""
    (folder / "bus").touch()
    assert address_of({"XDG_RUNTIME_DIR": str(folder)}).endswith("/a%20b/bus")
    assert address_of({}) == ""
