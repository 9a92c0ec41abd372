"""`mem0tray setup`: what a newcomer must decide, one question at a time, and a first memory."""

import subprocess
import time
from contextlib import suppress
from functools import partial
from typing import Final

import click

from mem0tray.actions import add, recall, verbs, worker_report
from mem0tray.actions.recall import WasRead
from mem0tray.agents.table import AGENTS, CLAUDE_CODE
from mem0tray.cli import arguments, output, setup_server
from mem0tray.cli.output import Style
from mem0tray.cli.setup_server import Deciding
from mem0tray.config import config_file, server_choice, setting_rules
from mem0tray.core import item as items
from mem0tray.core.errors import INTERRUPTED, Mem0TrayError, UsageError
from mem0tray.core.item import Item
from mem0tray.core.text import excerpt
from mem0tray.files import document
from mem0tray.system import programs
from mem0tray.system.paths import Paths
from mem0tray.system.paths import config_file as location

_NOTES: Final = "claude.auto_memory"
_PATIENCE: Final = 60.0  # seconds for an answer of the server
_SHOWN: Final = 1000


@arguments.command(
    "setup",
    {
        "mem0tray setup": "asks, one question at a time",
        "mem0tray setup --server https://mem0.example.com --key-from key.txt --yes": "",
        "mem0tray setup --server local --agent codex --autostart": "without a question",
    },
)
@click.option("--server", metavar="ADDRESS", help="Your Mem0 server; `local`: this computer only.")
@click.option(
    "--key-from", metavar="FILE", help="The file with the server's API key; `-`: standard input."
)
@click.option(
    "--key-in",
    type=click.Choice([setup_server.KEYRING, setup_server.SETTINGS]),
    help="Where the key is put, or moved. Default: the system's keyring, where one can be used.",
)
@click.option(
    "--dialect",
    type=click.Choice(setting_rules.CHOICES["server.dialect"]),
    help="How the server is spoken to, where it does not say so itself: `vps`: one of your own"
    " making; `oss`: an official one; `platform`: Mem0's own service.",
)
@click.option(
    "--agent",
    "agents",
    multiple=True,
    type=click.Choice(tuple(AGENTS)),
    help="Connect this coding agent, and no other. Default: those found, at the first setup.",
)
@click.option(
    "--claude-code/--no-claude-code",
    default=None,
    help="Connect Claude Code, or leave it as it is.",
)
@click.option(
    "--autostart/--no-autostart",
    default=None,
    help="Start at login, as `autostart enable` does, or leave that as it is.",
)
@click.option(
    "--auto-memory/--no-auto-memory",
    default=None,
    help="Take in the notes that Claude Code keeps (claude.auto_memory), or not. Default: not.",
)
@click.option("--no-memory", is_flag=True, help="Save no memory at the end.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: take the defaults.")
def command(
    *,
    server: str | None,
    key_from: str | None,
    key_in: str | None,
    dialect: str | None,
    agents: tuple[str, ...],
    claude_code: bool | None,
    autostart: bool | None,
    auto_memory: bool | None,
    no_memory: bool,
    yes: bool,
) -> None:
    """Set up mem0tray: server, API key, coding agents, start at login, Claude Code's notes.

    At a terminal you are asked everything that no option answers; without one the rest stays as it
    is, or with --yes takes the defaults. At the end a memory of the project `mem0tray` is saved,
    delivered and recalled. Exits with 1 where that, or a part before it, fails; what was set stays.
    """
    options = (
        server,
        key_from,
        key_in,
        dialect,
        agents or None,
        claude_code,
        autostart,
        auto_memory,
    )
    asking = not yes and output.can_ask()
    if not (asking or yes) and all(each is None for each in options):
        raise UsageError(
            "There is no terminal to ask at.",
            "Say it by options, or take the defaults with --yes: `mem0tray help setup`.",
        )
    given = dict.fromkeys(AGENTS, False if agents else None) | dict.fromkeys(agents, True)
    if claude_code is not None:
        given[CLAUDE_CODE] = claude_code
    paths = arguments.load().locations()
    way = Deciding(asking, yes, is_first=not paths.ledger.exists())
    try:
        wrong = setup_server.set_up(server, key_from, key_in, dialect, way)
        if asking or yes:
            # Whoever left it at this computer is not asked once others have begun the files.
            server_choice.remember_if_first(arguments.load().server.url, paths)
        failed = ["the server test"] if wrong and no_memory else []  # else a memory shows it
        parts = {
            AGENTS[each].title: partial(_connect, each, its, way) for each, its in given.items()
        }
        parts["the start at login"] = partial(_start_at_login, autostart, way)
        parts["Claude Code's notes"] = partial(_take_in_notes, auto_memory, way)
        for name, part in parts.items():
            try:
                part()
            except Mem0TrayError as error:
                output.remark(str(error))
                failed.append(name)
    except (click.Abort, KeyboardInterrupt) as error:  # the end of input at a question, or Ctrl-C
        click.echo()  # the question's line is open
        raise _ended(error) from error
    if not no_memory:
        _save_deliver_recall()
    if failed:
        raise Mem0TrayError(
            f"Not everything is set up: {' and '.join(failed)} failed.",
            "What to do is said above; then type `mem0tray setup` again.",
        )
    output.say("mem0tray is set up.", Style.GOOD)
    if worker_report.running(paths) is None:
        output.say("Start it: `mem0tray`; without a desktop, or in a terminal, `mem0tray run`.")


def _ended(error: BaseException) -> Mem0TrayError:
    is_interrupted = KeyboardInterrupt in (type(error), type(error.__context__))
    ended = Mem0TrayError(
        "Setup was interrupted." if is_interrupted else "Setup ended at a question.",
        "What was answered before is set; type `mem0tray setup` again for the rest.",
    )
    ended.exit_code = INTERRUPTED if is_interrupted else 1
    return ended


def _connect(name: str, given: bool | None, way: Deciding) -> None:  # noqa: FBT001  (an option)
    from mem0tray.agents import connecting
    from mem0tray.cli import install

    title = AGENTS[name].title
    if given is False:
        return
    if given is None and not connecting.is_there(name):
        if name == CLAUDE_CODE:
            output.say(f"{title} was not found here: `mem0tray install {name}` connects it.")
        return
    plug_in = connecting.plug_in() if name == CLAUDE_CODE else ""
    if given is None and plug_in:
        output.say(f"{title} is connected, by the plug-in {plug_in}.")
        return
    changes = install.planned([name], allow=False, asking=False)
    if not any(each.is_needed for each in changes):
        output.say(f"{title} is connected.")
    elif way.decide(given, f"Connect {title}, so that it saves and recalls?"):
        changes = install.planned([name], allow=None, asking=way.asking)
        install.make(changes, dry_run=False, yes=True, as_json=False, show=False)
    elif way.yes:
        output.say(f"{title} is left as it is: `mem0tray install {name}` connects it.")


def _start_at_login(given: bool | None, way: Deciding) -> None:  # noqa: FBT001  (an option)
    from mem0tray.cli import config
    from mem0tray.desktop.autostart import ENABLED, SERVICE, current, linux

    if given is False:
        return
    login = current()
    state = login.state()
    if given is None and login.kind == SERVICE and not linux.is_installed():
        output.say("Nothing can start mem0tray at login here: there is no desktop, and no systemd.")
    elif state.name == ENABLED and state.starts == login.command:
        output.say_beside("", config.sentence(state, login))
    elif way.decide(given, "Start mem0tray when you log in?"):
        config.set_up(login)


def _take_in_notes(given: bool | None, way: Deciding) -> None:  # noqa: FBT001  (an option)
    from mem0tray.agents import connecting

    are_taken = wanted = arguments.load_all().settings.claude.auto_memory
    question = "Take in the notes that Claude Code keeps, too? Their text goes to the server."
    if given is not None:
        wanted = given
    elif not are_taken:
        if not (way.asking and connecting.is_there()):
            return
        wanted = click.confirm(question, default=False)
    if wanted != are_taken:
        config_file.change(location(), _NOTES, wanted)
        arguments.warn_of_variable(_NOTES)
    if wanted or are_taken:
        output.say(f"Claude Code's notes are {'' if wanted else 'not '}taken in ({_NOTES}).")


def _save_deliver_recall() -> None:
    """Send a memory all the way, and print each step. Raises Mem0TrayError if it gets stuck.

    A server that has the memory from an earlier `setup` is not sent another one.
    """
    loaded = arguments.load_all()
    settings, paths = loaded.settings, loaded.settings.locations()
    project, content = items.TRIAL
    shown = excerpt(content)
    with output.waiting():
        before = recall.recall(settings, project, _SHOWN)
    if _shows(before):
        _done("Recalled", "the memory that an earlier `mem0tray setup` saved there.")
        return
    since = time.time()
    ours = (each.id for each in before.waiting if each.text == content)
    name = next(ours, "") or add.queue_memory(loaded, project, content).id
    item = items.parse(document.dump(add.entry(name, project, content)))
    assert item is not None  # noqa: S101  (it has an id, a project and a text)
    _done("Saved", f"{shown}, project {project}.")
    with output.waiting("Delivering and recalling it"):
        why = _why_undelivered(paths, item, since)
        found = None if why else recall.recall(settings, project, _SHOWN)
    if found is None:
        raise Mem0TrayError(
            f"The memory is saved and waits: {why}.",
            "mem0tray delivers it once that is mended; `mem0tray doctor` says more.",
        )
    server = server_choice.chosen(settings.server.url, paths)
    _done("Delivered", f"to {server_choice.in_words(server)}.")
    if found.trouble:
        output.say_beside("", found.trouble, Style.WARNING)
    elif _shows(found):
        _done("Recalled", f"{shown}, as `mem0tray recall -p {project}` shows it.")
    elif settings.server.infer:
        output.say_beside("", "The server keeps facts in the place of the text (server.infer).")
    else:
        raise Mem0TrayError(
            "The server took the memory, and does not show it.", "`mem0tray doctor` says more."
        )


def _done(what: str, rest: str) -> None:
    output.say_beside(f"{output.sign(Style.GOOD)} ", f"{what}: {rest}", Style.GOOD)


def _shows(found: WasRead) -> bool:
    return any(items.TRIAL[1] in each.text for each in found.there)


def _why_undelivered(paths: Paths, item: Item, since: float) -> str:
    """Wait for a worker to deliver it; return why none has. `since`: when it was saved."""
    from mem0tray.desktop.autostart import Origin

    if worker_report.running(paths) is None:
        command = [*Origin.of_this_process().in_console(), "run", "--until-idle"]
        own = programs.started(command)
        try:
            with suppress(subprocess.TimeoutExpired):
                own.wait(_PATIENCE)
        finally:
            own.terminate()
            own.wait()
    (outcome,) = verbs.follow(paths, [item], since, _PATIENCE)
    if outcome.is_good:
        return ""
    said = worker_report.metrics(paths.metrics).reason if outcome.name == verbs.WAITING else ""
    return (str(said) or outcome.reason or outcome.name).rstrip(".")
