"""`mem0tray config` and `autostart`: what is set, and whether it starts at login."""

import sys
from typing import Any, Final

import click

from mem0tray.cli import arguments, output
from mem0tray.config import config_file, settings
from mem0tray.config.setting_rules import LONGEST
from mem0tray.config.settings import API_KEY, LOCAL_URL, SECRETS, SERVER_URL, Loaded
from mem0tray.core.errors import Mem0TrayError, SettingsError, UsageError
from mem0tray.core.text import MASK, without_password
from mem0tray.desktop import autostart
from mem0tray.desktop.autostart import (
    BLOCKED,
    DESKTOP,
    DISABLED,
    ENABLED,
    SERVICE,
    STALE,
    Autostart,
    AutostartState,
    linux,
)
from mem0tray.system import programs
from mem0tray.system.paths import config_file as location
from mem0tray.system.programs import ends_in_order

_WRONG: Final = "wrong"
# After these the server is asked.
_TESTED: Final = frozenset(
    f"server.{name}" for name in ("url", "api_key", "dialect", "ca_file", "allow_plain_key")
)
_SECONDS: Final = 5.0  # for the server test


@click.group(
    "config",
    cls=arguments.CommandGroup,
    examples={
        "mem0tray config show": "every setting, and where it comes from",
        "mem0tray config set sync.timeout 90": "",
    },
)
def command() -> None:
    """Show and change the settings.

    Every key SECTION.KEY can also be given in the environment as
    MEM0TRAY_SECTION_KEY, which wins.
    """


@command.command("path", examples={"mem0tray config path": ""})
def path() -> None:
    """Print where the settings file is, or would be."""
    click.echo(location())


@command.command("show", examples={"mem0tray config show": ""})
@arguments.json_option()
def show(*, as_json: bool) -> None:
    """Show every setting, and where its value comes from.

    A wrong setting is shown as "wrong" (in JSON its value is null), and the command exits with 2.
    Of a file that is no TOML the error is shown alone.
    """
    loaded = settings.read()
    output.remark(*loaded.warnings)
    sources = {key: _source(loaded, key) for key in settings.keys()}  # noqa: SIM118  (a function)
    if as_json:
        shown = {
            key: {"value": None if source == _WRONG else _shown(loaded, key), "from": source}
            for key, source in sources.items()
        }
        output.print_json({"file": str(location()), "settings": shown})
    else:
        missing = "" if location().exists() else " (not there: defaults and environment apply)"
        output.say(f"{location()}{missing}")
        is_broken = set(sources.values()) <= {_WRONG, settings.ENVIRONMENT}  # its error says so
        rows = [
            (key, "–" if source == _WRONG else config_file.as_toml(_shown(loaded, key)), source)
            for key, source in sources.items()
            if not (is_broken and source == _WRONG)
        ]
        if rows:
            output.print_table(("setting", "value", "from"), rows)
    if loaded.wrong:
        raise settings.together(loaded.wrong)


@command.command("get", examples={"mem0tray config get server.url": ""})
@click.argument("key", shell_complete=arguments.keys)
def get(key: str) -> None:
    """Print the value of KEY, even if it is a secret."""
    settings.kind_of(key)
    loaded = arguments.load_what_holds()
    if key in loaded.unknown:
        raise SettingsError(f"The value of {key} cannot be read.", "Mend what is wrong.")
    value = settings.get(loaded.settings, key)
    click.echo(value if isinstance(value, str) else config_file.as_toml(value))


# A value may begin with a dash, as a number below 0 does.
@command.command(
    "set",
    examples={
        "mem0tray config set server.url https://mem0.example.com": "",
        "mem0tray config set server.api_key": "asks for it",
        "mem0tray config set server.api_key - < key.txt": "reads it from a file",
    },
    context_settings={"ignore_unknown_options": True},
)
@click.argument("key", shell_complete=arguments.keys)
@click.argument("value", required=False)
@click.option("--no-test", is_flag=True, help="Do not test the server after changing it.")
def set_(key: str, value: str | None, *, no_test: bool) -> None:
    """Set KEY to VALUE in the settings file, whose comments stay.

    A missing VALUE, or `-`, is asked for at a terminal, else read from standard input: an API key
    given as an argument would stay in the shell's history. After a change of the server it is
    tested, for five seconds at most; the result changes neither the setting nor the exit code.
    """
    settings.kind_of(key)
    if value in (None, "-") and sys.stdin.isatty():
        value = click.prompt(key, hide_input=key in SECRETS, default="", show_default=False)
    elif value is None or value == "-":
        data = sys.stdin.buffer.read(4 * LONGEST + 2)  # no value is longer
        value = data.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
    before = settings.read()
    output.remark(*before.warnings)
    config_file.change(location(), key, config_file.checked(key, str(value)))
    if arguments.warn_of_variable(key):
        return
    if key == SERVER_URL:
        remark_key_goes_along(before)
    if key in _TESTED and not no_test:
        report_on_server(key)
    elif key == "claude.auto_memory" and settings.read().settings.claude.auto_memory:
        output.remark("The text of Claude Code's notes goes to your Mem0 server from now on.")


@command.command("unset", examples={"mem0tray config unset server.url": ""})
@click.argument("key", shell_complete=arguments.keys)
def unset(key: str) -> None:
    """Take KEY out of the settings file, and say which value applies then."""
    settings.kind_of(key)
    file = location()
    verb = "is no longer" if config_file.change(file, key, None) else "was not"
    done = f"{key} {verb} set in {file}"
    try:
        loaded = arguments.load_all()
    except SettingsError:
        output.say(f"{done}.")
        raise  # something else is wrong there
    is_set = _source(loaded, key) == settings.ENVIRONMENT
    source = f"{settings.variable(key)} in the environment" if is_set else "the default"
    value = _shown(loaded, key)
    shown = "none" if value == "" else config_file.as_toml(value)
    output.say(f"{done}; {source} applies: {shown}.")


@command.command("edit", examples={"EDITOR=nano mem0tray config edit": ""})
def edit() -> None:
    """Open the settings file in your editor ($VISUAL, $EDITOR), and check it afterwards."""
    file = location()
    config_file.create(file)
    with ends_in_order():
        programs.edit(file, if_failed=f"Look whether {file} is as you want it.")
    arguments.load_all()


def _source(loaded: Loaded, key: str) -> str:
    return _WRONG if key in loaded.unknown else loaded.sources.get(key, "default")


def _shown(loaded: Loaded, key: str) -> Any:
    value = settings.get(loaded.settings, key)
    if key in SECRETS and value:
        return MASK
    return without_password(value) if isinstance(value, str) else value


def report_on_server(key: str) -> frozenset[str]:
    """Test the server that is chosen after a change of `key`; return the steps that failed."""
    loaded = settings.read()
    url = loaded.settings.server.url
    if loaded.wrong or not url or (url == LOCAL_URL and key != SERVER_URL):
        return frozenset()  # it is not known which server is meant, or nothing of it has changed
    return report_on(loaded)


def report_on(loaded: Loaded) -> frozenset[str]:
    """Test the server of these settings, and say what came of it; return the steps that failed."""
    from mem0tray.actions import server_test  # slow to import, as the network is

    with output.waiting():
        steps = server_test.examine(loaded, _SECONDS)
    for step in steps:
        if step.level in (server_test.FAIL, server_test.WARN):
            output.remark(f"{step.message} {step.remedy}")
        elif step.level == server_test.OK:
            output.say(step.message)
    return frozenset(step.name for step in steps if step.level == server_test.FAIL)


def remark_key_goes_along(before: Loaded) -> None:
    """Say it if the API key that is set goes to another host or port than `before` as well."""
    now = settings.read()
    there = _host_and_port(now)
    had_server, has_key = before.settings.server.url, now.settings.server.api_key
    if not (has_key and there and had_server) or there == _host_and_port(before):
        return
    how = f"type `mem0tray config unset {API_KEY}`"
    if now.sources.get(API_KEY) == settings.ENVIRONMENT:
        how = f"take {settings.variable(API_KEY)} out of the environment"
    output.remark(
        f"The API key that is set goes to {there[0]}, port {there[1]}, too."
        f" Where it must not, {how} before you set the address."
    )


def _host_and_port(loaded: Loaded) -> tuple[str, int] | None:
    from mem0tray.config.server_address import ServerAddress

    try:
        address = ServerAddress.from_settings(loaded.settings.server, keyring_within=0)
    except SettingsError:
        return None
    return address.hostname, address.port


# Autostart ---------------------------------------------------------------------------------------

_SENTENCES: Final = {
    ENABLED: "mem0tray starts at login.",
    DISABLED: "mem0tray does not start at login.",
    BLOCKED: "mem0tray is set up to start at login, but the system skips it.",
    STALE: "mem0tray is set up to start at login, but cannot be started.",
}
_AT_DESKTOP: Final = "mem0tray starts when you log in to a desktop."  # there is none here
_NOTHING: Final = "mem0tray did not start at login; nothing was changed."
_FROM_BOOT: Final = "mem0tray starts with the computer, as a service (lingering is on)."
_ENABLE: Final = "`mem0tray autostart enable` sets it up anew, or says what to do."


@click.group(
    "autostart",
    cls=arguments.CommandGroup,
    examples={
        "mem0tray autostart enable": "from the next login on",
        "mem0tray autostart status": "",
    },
)
def autostart_() -> None:
    """Start mem0tray when you log in, or stop doing so.

    On a desktop the tray starts with the session; without one, on Linux, the
    worker is a service of your own systemd.
    """


@autostart_.command(
    "enable",
    examples={
        "mem0tray autostart enable": "in the way that fits this computer",
        "mem0tray autostart enable --service": "also on a desktop: the worker without a tray",
    },
)
@click.option("--desktop", is_flag=True, help="The session of a desktop starts it.")
@click.option("--service", is_flag=True, help="systemd starts it (Linux).")
def enable(*, desktop: bool, service: bool) -> None:
    """Start this mem0tray at login, whatever was set up before.

    Without an option it uses the desktop's start if you log in to a desktop, else the service;
    either replaces the other.
    """
    if desktop and service:
        raise UsageError("`--desktop` and `--service` exclude each other.", "Leave one out.")
    if service and sys.platform in ("win32", "darwin"):
        raise UsageError("There is no systemd on this system.", "Leave out `--service`.")
    set_up(autostart.chosen(DESKTOP if desktop else SERVICE if service else ""))


def set_up(login: Autostart) -> None:
    """Set this way up, and say so. Raises Mem0TrayError if that is impossible."""
    changed = login.enable()
    state = login.state()
    if state.name != ENABLED:
        raise Mem0TrayError(f"{_SENTENCES[state.name]} {state.reason}".strip())
    output.say(f"{sentence(state, login)} {login.where} runs {state.starts}.")
    if login.kind == DESKTOP and (entry := linux.application_entry()) is not None:
        try:
            entry.put()
        except Mem0TrayError as error:
            changed.append(f"It is not in the applications menu: {error}")
    for line in (*changed, *login.advice()):
        output.say_beside("", line)


@autostart_.command("disable", examples={"mem0tray autostart disable": ""})
def disable() -> None:
    """No longer start at login; a running tray goes on, a service is stopped."""
    login = autostart.current()
    was_there = login.state().name != DISABLED
    changed = login.disable()
    if login.state().name == DISABLED:  # else a file that is not ours starts it
        output.say(_SENTENCES[DISABLED] if was_there else _NOTHING)
    for line in changed:
        output.say_beside("", line)


@autostart_.command("status", examples={"mem0tray autostart status": ""})
def status() -> None:
    """Show what the system will do at the next login, and which file says so."""
    login = autostart.current()
    state = login.state()
    output.say_beside("", sentence(state, login))
    if state.name == DISABLED:
        enable = f"`mem0tray autostart enable` sets it up, at {login.where}."
        output.say_beside("", str(login.obstacle() or enable))
    else:
        output.print_facts([("where", login.where), ("starts", state.starts)])
    for line in login.advice() if state.name in {ENABLED, STALE} else ():
        output.say_beside("", line)


def sentence(state: AutostartState, login: Autostart) -> str:
    """Word the state, with the command that changes what is odd about it."""
    from_boot = state.name == ENABLED and login.kind == SERVICE and linux.lingers()
    said = f"{_FROM_BOOT if from_boot else _SENTENCES[state.name]} {state.reason}".strip()
    if state.name == ENABLED and login.kind == DESKTOP and login.advice():
        said = _AT_DESKTOP
    if login.is_foreign:
        return f"{said} That file is not made by mem0tray, and stays as it is."
    if state.name in {BLOCKED, STALE}:
        return f"{said} {_ENABLE}"
    if state.name == ENABLED and state.starts != login.command:
        return f"{said} It is another mem0tray than this one; {_ENABLE}"
    return said
