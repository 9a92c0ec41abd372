"""Claude Code's notes are found wherever it keeps them, and each is taken in once."""

import json
import os
import re
from pathlib import Path

import pytest

from mem0tray.core import item as items
from mem0tray.ledger.reader import Reader
from mem0tray.worker.queue import note_folders
from mem0tray.worker.queue.note_folders import project_of, working_directory
from tests.worker.queue.scene import GARDEN, NOW, NoteDesk


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    monkeypatch.setattr(Path, "home", lambda: made)
    return made


def name_of(directory: Path) -> str:
    """Return what Claude Code calls its folder for a working directory."""
    name = re.sub("[^A-Za-z0-9]", "-", str(directory))
    return name if len(name) <= 200 else f"{name[:200]}-1x2y3z"


def held(desk: NoteDesk, directory: Path) -> Path:
    """Make a transcript as of a session in this directory."""
    folder = desk.folder(name_of(directory)).parent
    directory.mkdir(parents=True, exist_ok=True)
    path = folder / "session.jsonl"
    path.write_text(json.dumps({"cwd": str(directory)}), encoding="utf-8")
    return path


def put(folder: Path, text: str = "It is clay.", age: float = 3600) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "soil.md"
    path.write_text(text, encoding="utf-8")
    os.utime(path, (NOW - age,) * 2)
    return path


def choose(settings: Path, value: object) -> None:
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps({"autoMemoryDirectory": value}), encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "where", "taken"),
    [
        ("~/mine", "home/mine", True),
        ("~/a/../mine/", "home/mine", True),
        ("~/../mine", "mine", False),
        ("~/", "home", False),
        ("~", "home", False),
        ("~mine", "home/~mine", False),
        ("mine", "home/mine", False),
        ("HERE/mine", "mine", True),
        ("HERE/claude/mine", "claude/mine", True),
        ("HERE/claude", "claude", False),
        ("HERE", ".", False),
        ("HERE/mine\0", "mine", False),
        ("HERE/\ud800", "mine", False),
        (["HERE/mine"], "mine", False),
        (None, "mine", False),
    ],
)
def test_the_setting_means_what_it_means_to_claude_code(
    desk: NoteDesk,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    value: object,
    where: str,
    *,
    taken: bool,
) -> None:
    monkeypatch.chdir(home)
    put(home.parent / where)
    named = value.replace("HERE", str(home.parent)) if isinstance(value, str) else value
    choose(desk.root / "settings.json", named)
    assert desk.run() == taken


@pytest.mark.parametrize(
    ("settings", "folder", "project"),
    [
        ("claude/settings.json", "notes", "notes"),
        ("garden/.claude/settings.local.json", "notes", "garden"),
        ("garden/.claude/settings.json", "garden/notes", "garden"),
        ("garden/.claude/settings.json", "notes", ""),  # a repository leads nowhere else
        ("garden/.claude/settings.json", "garden", ""),  # nor to all that it has
        ("", "garden/.claude/agent-memory/reviewer", "garden"),
        ("", "garden/.claude/agent-memory-local/reviewer", "garden"),
        ("", "garden/.claude/agents", ""),
        ("", "garden/agent-memory/reviewer", ""),
        ("", "shed/.claude/agent-memory/reviewer", ""),  # no session was held there
        ("", "claude/agent-memory/reviewer", "reviewer"),
        ("", "claude/agent-memory-local/reviewer", ""),
    ],
)
def test_each_folder_gives_its_notes_a_project(
    desk: NoteDesk, home: Path, settings: str, folder: str, project: str
) -> None:
    here = home.parent
    held(desk, here / "garden")
    if settings:
        choose(here / settings, str(here / folder))
    put(here / folder / "beds")
    desk.run()
    assert desk.queued() == [(project, "It is clay.")] * bool(project)


def test_a_project_keeps_its_other_folders_when_the_transcripts_go(
    desk: NoteDesk, home: Path
) -> None:
    """They name `garden/beds`; the notes are those of the repository's root, `garden`."""
    garden = home.parent / "garden"
    transcript = held(desk, garden / "beds")
    desk.run()
    transcript.unlink()
    desk.start()
    put(garden / "beds" / ".claude" / "agent-memory" / "reviewer")
    desk.write("shed.md", "It leaks.", project=name_of(garden))
    desk.run()
    assert sorted(desk.queued()) == [("beds", "It is clay."), ("garden", "It leaks.")]
    with Reader(desk.scene.context.paths.ledger) as reader:
        assert reader.note_directories() == {name_of(garden / "beds"): str(garden / "beds")}


def test_a_transcript_is_read_only_until_it_has_named_the_directory(
    desk: NoteDesk, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def look(folder: Path) -> Path | None:
        looked.append(folder.name)
        return working_directory(folder)

    monkeypatch.setattr(note_folders, "working_directory", look)
    garden, transcript = name_of(home / "garden"), held(desk, home / "garden")
    named = transcript.read_bytes()
    transcript.write_bytes(b"")
    desk.folder("-other")
    for folder in (desk.root / "projects").iterdir():
        os.utime(folder, (desk.scene.now - 3600,) * 2)
    desk.run()
    assert sorted(looked) == sorted(["-other", garden])
    desk.run()
    assert len(looked) == 2
    transcript.write_bytes(named)
    os.utime(transcript.parent, (desk.scene.now,) * 2)
    desk.run()
    desk.run()
    assert looked[2:] == [garden]


def test_the_settings_of_a_person_come_before_those_of_the_repository(
    desk: NoteDesk, home: Path
) -> None:
    garden = home / "garden"
    held(desk, garden)
    for settings, folder in (("settings.local.json", "own"), ("settings.json", "shared")):
        choose(garden / ".claude" / settings, str(garden / folder))
        put(garden / folder, folder)
    desk.run()
    assert desk.queued() == [("garden", "own")]


@pytest.mark.parametrize("directory", ["garden", "/gar\0den", "/gar\ud800den", 3])
def test_an_odd_directory_is_not_learnt(desk: NoteDesk, directory: object) -> None:
    path = held(desk, desk.root.with_name("garden"))
    path.write_text(json.dumps({"cwd": directory}), encoding="utf-8")
    path.parent.rename(path.parent.with_name(name_of(Path(str(directory)))))
    put(desk.root / "agent-memory" / "reviewer")
    assert desk.run() == 1
    with Reader(desk.scene.context.paths.ledger) as reader:
        assert reader.note_directories() == {}


def test_the_root_of_a_disk_has_a_project(tmp_path: Path) -> None:
    assert project_of(tmp_path, tmp_path.anchor, {}) == "root"


def test_a_note_that_two_settings_lead_to_is_taken_in_once(desk: NoteDesk, home: Path) -> None:
    held(desk, home / "garden")
    held(desk, home / "field")
    for place in ("garden", "field"):
        choose(home / place / ".claude" / "settings.local.json", "~/notes")
    choose(desk.root / "settings.json", str(desk.root / "projects"))
    put(home / "notes")
    desk.write("shed.md", "It leaks.")
    assert desk.run() == 2
    assert (GARDEN, "It leaks.") in desk.queued()
    ids = [each["id"] for each in desk.entries() if each["content"] == "It leaks."]
    assert ids == [items.id_of(f"projects/{GARDEN}/memory/shed.md", "It leaks.")]
    desk.start()
    assert desk.run() == 0


def test_the_home_folder_is_no_project_of_claude_codes_own_folder(
    desk: NoteDesk, home: Path
) -> None:
    """A session in the home folder: `.claude` there is the user's, not a project's."""
    desk.root.rename(home / ".claude") if desk.root.exists() else (home / ".claude").mkdir()
    desk.root.symlink_to(home / ".claude")
    desk.start()
    held(desk, home)
    choose(desk.root / "settings.json", "~/notes")
    put(home / "notes")
    put(desk.root / "agent-memory" / "reviewer", "It leaks.")
    desk.run()
    assert sorted(desk.queued()) == [("notes", "It is clay."), ("reviewer", "It leaks.")]


MEMORY = f"claude/projects/{GARDEN}/memory"
AGENTS = "home/garden/.claude/agent-memory"


@pytest.mark.parametrize(
    "linked", ["home/garden/.claude", AGENTS, f"{AGENTS}/a", f"claude/projects/{GARDEN}", MEMORY]
)
def test_no_link_to_a_folder_of_notes_is_followed(desk: NoteDesk, home: Path, linked: str) -> None:
    """Though it becomes one while the notes rest; the others are taken in."""
    held(desk, home / "garden")
    put(home.parent / AGENTS / "a", age=0)
    desk.write("shed.md", "It leaks.", age=0)
    assert desk.run() == 0
    link = home.parent / linked
    link.symlink_to(link.rename(home.parent / "outside"))
    assert [desk.run(after=100) for _ in range(3)] == [1, 0, 0]
    is_agents = linked.startswith("home")
    assert desk.queued() == [(GARDEN, "It leaks.") if is_agents else ("garden", "It is clay.")]


NAME = "-home-ann-my-garden"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / NAME
    made.mkdir()
    return made


def transcript(folder: Path, name: str, *lines: object, age: float = 0) -> Path:
    path = folder / f"{name}.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    os.utime(path, (1_800_000_000 - age,) * 2)
    return path


def test_the_newest_transcript_that_fits_the_name_tells_the_directory(folder: Path) -> None:
    transcript(folder, "old", {"cwd": "/home/ann.my/garden"}, age=20)
    transcript(folder, "mine", {"type": "summary"}, [], {"cwd": 3}, {"cwd": "/home/ann/my_garden"})
    transcript(folder, "moved", {"cwd": "/home/ann/other"}, age=-10)
    (folder / "torn.jsonl").write_bytes(b'{"cwd": "/home/ann/my-g\n\xff')
    (folder / "far.jsonl").symlink_to(
        transcript(folder.parent, "far", {"cwd": "/home/ann/my/garden"})
    )
    (folder / "folder.jsonl").mkdir()
    assert working_directory(folder) == Path("/home/ann/my_garden")
    assert project_of(folder.parent, NAME, {}, former="former") == "my_garden"


@pytest.mark.parametrize(
    ("directories", "former", "named", "expected"),
    [
        ([], "", "", NAME),
        ([], "", "named", "named"),
        ([], "former", "", "former"),
        (["/srv", "/home/ann/my_garden/beds/roses"], "", "", "my_garden"),
        (["/home/ann/my.garden"], NAME, "", "my.garden"),
        (["/home/ann/my.garden"], "former", "", "former"),
        (["/home/ann/my.garden"], "", "named", "named"),
    ],
)
def test_without_a_transcript_what_is_known_tells_the_project(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    directories: list[str],
    former: str,
    named: str,
    expected: str,
) -> None:
    monkeypatch.setenv("MEM0_PROJECT_ID", named)
    known = {str(n): each for n, each in enumerate(directories)}
    assert project_of(folder.parent, NAME, known, former) == expected


def test_what_stands_far_down_in_a_transcript_is_not_looked_for(folder: Path) -> None:
    transcript(folder, "long", *[{}] * 60, {"cwd": "/home/ann/my/garden"})
    transcript(folder, "wide", {"a": "b" * 200_000, "cwd": "/home/ann/my/garden"})
    assert working_directory(folder) is None


@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("/home/ann/é", "-home-ann--"),
        ("/home/ann/🌱x", "-home-ann---x"),  # of two UTF-16 units
        ("/" + "a" * 250, "-" + "a" * 199 + "-1x2y3z"),
    ],
)
def test_a_name_is_compared_as_claude_code_makes_it(
    tmp_path: Path, directory: str, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    transcript(folder, "a", {"cwd": directory})
    assert working_directory(folder) == Path(directory)
