"""What an export reads, page by page, from a real server. The command's tests have the rest."""

from mem0tray.actions.export import Export
from mem0tray.config.settings import ServerSettings, Settings
from mem0tray.system.paths import Paths
from tests.server.paging import paging
from tests.server.wire import Wire


def test_what_was_read_and_how_much_there_is_are_told_after_each_page(paths: Paths) -> None:
    assert paths.claude_dir.is_dir()
    many = [str(number) for number in range(1500)]
    told: list[tuple[int, int | None]] = []

    def watch(so_far: Export) -> None:
        told.append((so_far.read, so_far.total))

    with Wire(paging({"a": [], "b": ["one"], "c": many})) as wire:
        settings = Settings(server=ServerSettings(url=wire.url, dialect="vps"))
        list(Export(settings, "", watch).lines())
        assert told == [(0, 1501), (1, 1501), (1001, 1501), (1501, 1501)]
        told.clear()
        list(Export(settings, "b", watch).lines())
    assert told == [(1, None)]
