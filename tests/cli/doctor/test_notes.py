"""`doctor` names the folders of Claude Code's notes, with how many are in each."""

import pytest

from tests.cli.scratch import Scratch, checks


@pytest.mark.parametrize(("value", "expected"), [("false", []), ("true", ["ok"])])
@pytest.mark.usefixtures("server")
def test_the_folders_are_named_if_notes_are_wanted(
    home: Scratch, value: str, expected: list[str]
) -> None:
    home.env(MEM0TRAY_CLAUDE_AUTO_MEMORY=value)
    home.write("settings.json", {"autoMemoryDirectory": "~/mine"})
    for path in ("projects/-a/memory/a.md", "projects/-b/memory/b.md", "agent-memory/c/c.md"):
        (home.claude / path).parent.mkdir(parents=True)
        (home.claude / path).write_text(path)
    (home.root / "mine").mkdir()
    found = checks(home, "notes")
    assert [level for level, _ in found] == expected
    for _, said in found:
        projects, agents = home.claude / "projects", home.claude / "agent-memory"
        named = f"2 notes in {projects}, 1 note in {agents}, 0 notes in {home.root / 'mine'}."
        assert said.strip() == f"The worker takes in {named}"
