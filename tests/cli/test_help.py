"""Help: headings, examples, short options, and `mem0tray help`."""

import re
import shlex
from collections import defaultdict

import click
import pytest

from mem0tray.agents.table import AGENTS
from mem0tray.cli import app
from mem0tray.cli import help as help_
from mem0tray.cli.arguments import Command
from tests.cli import commands
from tests.cli.scratch import Scratch


def _options(context: click.Context) -> list[click.Option]:
    found = context.command.get_params(context)
    return [each for each in found if isinstance(each, click.Option)]


def test_help_shows_what_dash_dash_help_shows(home: Scratch) -> None:
    for path in commands.PATHS:
        shown = home.ok("help", *path.split())
        assert shown == home.ok(*path.split(), "--help")
        assert shown.startswith(f"Usage: mem0tray {path} ")


TOPICS = sorted(path.stem for path in help_.MANUAL.rglob("*.md"))


def test_help_lists_the_topics_with_their_titles(home: Scratch) -> None:
    shown = home.ok("help").split("\nTopics:\n")[1]
    assert sorted(re.findall(r"^  ([a-z-]+)  +\S", shown, re.MULTILINE)) == TOPICS
    assert "settings         Settings: each one, its default and its meaning\n" in shown
    assert {"tray", "commands", "servers", "claude-code", "files", "settings"} <= set(TOPICS)
    assert not {*TOPICS} & {*app.COMMANDS}


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_shown_as_plain_text(home: Scratch, topic: str) -> None:
    (page,) = help_.MANUAL.rglob(f"{topic}.md")
    shown = home.ok("help", topic)
    headings = re.compile(r"^#+ .+$", re.MULTILINE)
    assert headings.findall(shown) == headings.findall(page.read_text(encoding="utf-8"))
    assert not re.search(r"\]\((?!https:)|^!\[|\x1b|</?(?:img|picture|source)", shown, re.MULTILINE)


def test_an_agent_s_name_leads_to_the_page_on_agents(home: Scratch) -> None:
    for each in AGENTS.keys() - TOPICS:  # Claude Code has one of its own
        assert home.ok("help", each) == home.ok("help", "agents")


@pytest.mark.parametrize("columns", [60, 100])
def test_a_topic_is_laid_out_for_a_terminal(home: Scratch, columns: int) -> None:
    home.terminal(columns)
    home.env(NO_COLOR="1")
    shown = re.sub(r"\x1b\[[\d;]*m|\x1b\]8;.*?\x1b\\\\", "", home.ok("help", "settings"))
    lines = shown.splitlines()
    assert "Settings: each one, its default and its meaning" in "".join(lines[:2])  # or in a frame
    assert max(map(len, lines)) <= columns
    assert not [line for line in lines if line.startswith(("#", "|", "```"))]
    assert [line for line in lines if line.split()[:2] == ["sync.timeout", "60"]]


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_no_help_is_cut(home: Scratch, columns: str) -> None:
    home.env(COLUMNS=columns)
    for path in ("", *commands.PATHS):
        shown = home.ok("help", *path.split())
        assert not re.search(r"(?<![\]D])\.\.\.", shown), shown


def test_every_help_has_examples_that_the_command_takes() -> None:
    for context in commands.EVERY:
        command = context.command
        assert isinstance(command, Command)
        assert command.examples, context.command_path
        for line in command.examples:
            found = re.search(r"mem0tray\b([^|<>&)]*)", line)
            assert found is not None
            _parse(shlex.split(found[1]), context.command_path)


def _parse(words: list[str], path: str) -> None:
    context = commands.root()
    while isinstance(context.command, click.Group) and words:
        name, command, words = context.command.resolve_command(context, words)
        assert command is not None
        is_group = isinstance(command, click.Group)
        rest = [] if is_group else list(words)
        context = (
            click.Context(command, info_name=name, parent=context)
            if is_group
            else command.make_context(name, rest, parent=context)
        )
    assert f"{context.command_path} ".startswith(f"{path} ")


def test_a_short_option_means_the_same_everywhere() -> None:
    short, meant = defaultdict(set), defaultdict(set)
    for context in (commands.root(), *commands.EVERY):
        for option in _options(context):
            name = max(option.opts, key=len)
            letters = tuple(each for each in option.opts if not each.startswith("--"))
            short[name].add(letters)
            meant[letters].add(name)
    assert [name for name, letters in short.items() if len(letters) > 1] == []
    assert short["--forget"] == {()}  # on purpose
    meant.pop(())
    both_stay_and_look = {"--wait", "--watch"}
    assert [names for names in meant.values() if len(names) > 1] == [both_stay_and_look]


ODD = (
    "add", "add -p p", "add -p p ' \n'", "add -p '' x", "add --again text", "add --jsonl a b",
    "search", "search ' '", "search x -n many", "recall surplus", "recall -n 0", "recall -n 1001",
    "recall -p ' '",
)  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("help config sett", "No such command 'sett'. Did you mean `set`?"),
        ("help list x", "`mem0tray list` has no commands of its own."),
        ("list --jsn", "No such option '--jsn'. Did you mean '--json'?"),
        ("add -p garden -dash", "No such option '-d'. Put `--` before a text that begins with"),
        ("recall -n zero", "'--limit': 'zero' is not a valid integer range."),
        ("serve --port 65536", "65536 is not in the range 0<=x<=65535."),
        ("config set sync.max_attempts -1", "it must be a whole number from 1 to 1000"),
        ("add --project g two words", "Put the text in quotes."),
        ("status --line --json", "--json, --watch and --line do not go together."),
        ("bogus", "No such command 'bogus'. `mem0tray help` lists the commands."),
        ("install", "Name what to connect: `mem0tray install claude-code`, or --all."),
        ("install claude", "'claude' is not one of 'claude-code', 'codex',"),
        ("config set", "Missing argument 'KEY'. `mem0tray help config set` shows how it is used."),
        ("status x", "unexpected extra argument (x). `mem0tray help status` shows how it is used."),
        ("list -n", "Option '-n' requires an argument. `mem0tray help list` shows how it is used."),
        ("delete", "Name ids, or give --project. `mem0tray help delete` shows how it is used."),
        ("--nonsense", "No such option '--nonsense'. `mem0tray help` lists the commands."),
        ("report -o .", "'--out': File '.' is a directory. `mem0tray help report`"),
        *((each, "") for each in ODD),
    ],
)
def test_an_error_of_usage_is_one_line_like_every_error(
    home: Scratch, arguments: str, said: str
) -> None:
    line = home.fails(*shlex.split(arguments), code=2)
    assert not home.claude.exists()
    assert line.startswith("mem0tray: ")
    bare, found = (re.sub("[':.]", "", text) for text in (said, line))
    assert bare in found  # older releases of click set other quotes and stops
