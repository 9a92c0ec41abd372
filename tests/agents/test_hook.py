"""`mem0tray hook`, as each agent calls it."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from threading import Event

import pytest

from mem0tray.agents import hook as hooks
from mem0tray.agents.hook import last_answer
from mem0tray.agents.table import AGENTS, START, SUMMARY, TRANSCRIPT
from tests.support import folders, machine, needs
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import Json, dead, entries
from tests.support.standin import Standin

ANSWER = "All done.\nmem0: roses want sun\n  mem0:  so do beans \nmem0:\nSee mem0: no mark\n"
ANSWER += "- mem0: a server among others\n**mem0:** what it is\nMem0: a memory layer\n"


def told(home: Home, **fields: object) -> str:
    """Write what Claude Code gives a hook, in the folder `garden` of the home."""
    folder = home.root / "garden"
    folder.mkdir(exist_ok=True)
    return json.dumps({"session_id": "s", "cwd": str(folder), **fields})


def hook(home: Home, event: str, given: str = "", agent: str = "", **fields: object) -> str:
    """Run a hook, which must succeed and print nothing on standard error; what it printed."""
    whose = ("--agent", agent) if agent else ()
    done = home.run("hook", *whose, event, stdin=given or told(home, **fields))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def queued(home: Home) -> list[tuple[str, str]]:
    return [(each["project_id"], each["content"]) for each in home.queue_items()]


def test_marked_lines_of_the_answer_are_queued_once(home: Home, server: Standin) -> None:
    for _ in range(2):
        assert hook(home, "Stop", last_assistant_message=ANSWER) == ""
    assert queued(home) == [("garden", "roses want sun"), ("garden", "so do beans")]
    home.drained()
    hook(home, "Stop", last_assistant_message=ANSWER)
    assert queued(home) == []
    home.write_queue([])  # shows nobody any more what was queued
    hook(home, "Stop", last_assistant_message=ANSWER)
    home.drained()
    assert server.surplus() == {}
    hook(home, "Stop", session_id="another", last_assistant_message="mem0: so do beans")
    home.drained()
    assert server.surplus() == {"so do beans": 2}


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        ("Say:\n```\nmem0: shown\n```\nmem0: meant", ["meant"]),
        ("~~~text\n```\nmem0: shown\n~~~\nmem0: meant", ["meant"]),
        ("- so:\n  ````md\n  ```\n  mem0: shown\n  ```\n  ````\nmem0: meant", ["meant"]),
        ("```\nmem0: shown\n``` not its end\nmem0: shown", []),
        ("``` is a fence``` in a line\nmem0: meant\n``\nmem0: so is this", ["meant", "so is this"]),
    ],
)
def test_a_line_in_a_fenced_block_is_an_example(answer: str, texts: list[str]) -> None:
    assert hooks.marked(answer) == texts


@pytest.mark.parametrize("agent", [name for name, its in AGENTS.items() if its.events])
def test_a_session_that_knows_what_it_was_told_is_told_nothing(home: Home, agent: str) -> None:
    """Codex alone keeps it when a session is resumed, and loses it when that is made shorter."""
    event = next(name for name, its in AGENTS[agent].events.items() if its.meaning == START)
    said = {each: hook(home, event, agent=agent, source=each) for each in ("resume", "compact")}
    assert [each for each, text in said.items() if not text] == ["resume"] * (agent == "codex")


def test_what_the_user_has_forgotten_is_not_queued_again(home: Home, server: Standin) -> None:
    server.health = Answer(503)
    hook(home, "Stop", last_assistant_message="mem0: a secret\nmem0: no secret")
    home.run("run", "--once")
    (secret, *_) = home.queue_items()
    home.ok("delete", "--yes", "--forget", secret["id"])
    path = write(home.root / "t.jsonl", [answer("m1", "mem0: a secret\nmem0: no secret")])
    hook(home, "SessionEnd", transcript_path=str(path))
    assert queued(home) == [("garden", "no secret")]


def test_what_was_forgotten_before_a_worker_saw_it_is_not_queued_again(
    home: Home, server: Standin
) -> None:
    server.health = Answer(503)
    hook(home, "Stop", last_assistant_message="mem0: a secret")
    (secret,) = home.queue_items()
    home.ok("delete", "--yes", "--forget", secret["id"])
    for _ in range(2):
        hook(home, "Stop", last_assistant_message="mem0: a secret")
        assert queued(home) == []
        home.run("run", "--once")


def test_a_marked_line_is_queued_in_the_root_of_a_disk(home: Home) -> None:
    hook(home, "Stop", json.dumps({"cwd": "/", "last_assistant_message": ANSWER}))
    assert queued(home) == [("root", "roses want sun"), ("root", "so do beans")]
    begun = hook(home, "SessionStart", json.dumps({"cwd": "/", "source": "startup"}))
    assert "roses want sun" in begun


@needs.posix("a working directory cannot be removed there")
def test_a_marked_line_is_queued_where_the_working_directory_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in folders.below(tmp_path).items():
        monkeypatch.setenv(name, value)
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert hooks.run("Stop", b'{"last_assistant_message": "mem0: roses want sun"}') == ""
    (queue,) = tmp_path.rglob("mem0_queue.json")
    (item,) = json.loads(queue.read_bytes())["queue"]
    assert (item["project_id"], item["content"]) == ("root", "roses want sun")


@pytest.mark.parametrize("words", [("Stop",), ("--agent", "gemini", "AfterAgent")])
def test_an_answer_without_a_mark_queues_nothing_and_loads_little(
    home: Home, words: tuple[str, ...]
) -> None:
    assert hook(home, "Stop", last_assistant_message="All done.") == ""
    assert not home.queue.exists()
    script = (
        f"import sys; from mem0tray.cli import main; main(['hook', *{words}]);"
        "print({'click', 'json', 'msgspec', 'httpx'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=told(home, last_assistant_message="All done."),
        env=home.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.parametrize("event", ["SessionStart", "Stop", "PostCompact", "SessionEnd"])
def test_nothing_of_a_subagent_is_queued_or_told(home: Home, event: str) -> None:
    home.env["MEM0TRAY_CLAUDE_SAVE_SUMMARIES"] = "true"
    home.write_dlq([dead("roses", "garden")])
    fields = {"last_assistant_message": ANSWER, "compact_summary": "x", "transcript_path": "/x"}
    assert hook(home, event, agent_id="a1", **fields) == ""
    assert not home.queue.exists()
    assert not home.log.exists()


def test_a_summary_is_queued_if_the_setting_says_so(home: Home) -> None:
    hook(home, "PostCompact", compact_summary="We talked of roses.")
    assert not home.queue.exists()
    home.env["MEM0TRAY_CLAUDE_SAVE_SUMMARIES"] = "true"
    hook(home, "PostCompact", compact_summary="We talked of roses.\nAnd beans.\n")
    assert queued(home) == [("garden", "We talked of roses.\nAnd beans.")]


@needs.FLOCK
@pytest.mark.row(57)
def test_a_text_of_more_than_a_megabyte_is_a_line_in_the_log(home: Home) -> None:
    answer = f"mem0: roses\nmem0: {'x' * 1_000_001}\nmem0: beans"
    assert hook(home, "Stop", last_assistant_message=answer) == ""
    assert queued(home) == [("garden", "roses"), ("garden", "beans")]
    assert "Hook Stop: a text was not queued, as it is too long" in home.log_text()


def test_a_lock_that_is_held_keeps_nobody_waiting(home: Home, server: Standin) -> None:
    holder = home.lock_holder()
    for _ in range(2):
        hook(home, "Stop", last_assistant_message="mem0: roses want sun")
    assert not home.queue.exists()
    (line,) = home.emergency.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["content"] == "roses want sun"
    holder.kill()
    home.drained()
    assert server.stored == [("garden", "roses want sun")]


EVENTS = [(agent, event) for agent, its in AGENTS.items() for event in its.events]
NOT_KNOWN = [("claude-code", "Odd\nOne"), ("gemini", "Stop"), ("aider", "Stop"), ("", "")]
EACH_FIELD = sorted({its.field for each in AGENTS.values() for its in each.events.values()} - {""})
NO_OBJECT: tuple[bytes, ...] = (
    *(b"", b" ", b"mem0:", b"null", b"NaN", b'["mem0: x"]', b'"mem0: x"', b"mem0: \xff\xfe\x00"),
    b"[" * 100_000 + b'"mem0: x"',
    b'{"text": "mem0: x", "n": ' + b"9" * 10_000 + b"}",
    b'{"text": "mem0: x' + b"x" * 10_000_000,
)
ODD_VALUES: tuple[str, ...] = (
    *("null", "NaN", "7", "true", "-Infinity", '["mem0: x"]', '{"mem0: x": "mem0: x"}'),
    *('"mem0 : x"', '"mem0:"', '"mem0: \\t "', '"\\ud800"', '"a\\u0000mem0: x"'),
    "[" * 500 + "]" * 500,
    '"' + "See mem0: x. " * 800_000 + '"',
)


@pytest.mark.row(57)
@pytest.mark.parametrize(("agent", "event"), [*EVENTS, *NOT_KNOWN])
def test_hostile_json_changes_and_prints_nothing(
    agent: str, event: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does what an agent does not have; not even a line in the log says so."""
    for name, value in folders.below(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MEM0TRAY_CLAUDE_SAVE_SUMMARIES", "true")
    begins = event.lower() == "sessionstart"
    said = "".join(f'"{name}": VALUE, ' for name in EACH_FIELD)
    objects = [f'{{{said}"x": "mem0: y"}}'.replace("VALUE", odd) for odd in ODD_VALUES]
    if event == "PostCompact":  # any text is a summary
        objects = [each for each in objects if '_summary": "' not in each]
    for given in (*NO_OBJECT, *(each.encode() for each in objects if not begins)):
        assert hooks.run(event, given, agent) == "", given[:80]
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


def lines_of(agent: str) -> list[Json]:
    """Make a transcript as the agent writes it: an answer, a prompt, and the last answer."""
    earlier, asked = "mem0: of an earlier answer", "mem0: of the user"
    said: list[tuple[str, Json]] = [("assistant", earlier), ("user", asked), ("assistant", ANSWER)]
    if agent == "codex":
        items = [{"role": who, "content": [{"text": text}]} for who, text in said]
        return [{"type": "response_item", "payload": each} for each in items]
    if agent == "gemini":
        said = [("gemini", earlier), ("user", [{"text": asked}]), ("gemini", ANSWER)]
        return [{"id": str(n), "type": who, "content": text} for n, (who, text) in enumerate(said)]
    if agent == "copilot":
        parts = ANSWER.splitlines()
        said = [*said[:2], *(("assistant", each) for each in parts)]
        told = [(f"{who}.message", {"interactionId": who, "content": text}) for who, text in said]
        told[0][1]["interactionId"] = "before"
        ours = [{"type": kind, "data": data} for kind, data in told]
        end: Json = {"type": "hook.start", "data": {"input": {"timestamp": 7000}}}
        return [*ours, {**ours[0], "agentId": "a subagent"}, end]
    if agent == "cursor":
        return [{"role": who, "message": {"content": [{"text": text}]}} for who, text in said]
    aside = answer("m3", "mem0: of a subagent", isSidechain=True)
    return [answer("m1", earlier), prompt(asked), answer("m2", ANSWER), aside]


# What the real ones give, and for Cursor its documentation.
SESSIONS = {"copilot": "sessionId", "cursor": "conversation_id"}
FIELDS = {
    "Stop": "last_assistant_message",
    "SessionEnd": "transcript_path",
    "PostCompact": "compact_summary",
    "AfterAgent": "prompt_response",
    "agentStop": "transcriptPath",
    "afterAgentResponse": "text",
    "sessionEnd": "transcript_path",
}


@pytest.mark.parametrize(("agent", "event"), EVENTS)
def test_each_agent_s_answers_are_queued_once(home: Home, agent: str, event: str) -> None:
    """Odd names of the session, and what else the JSON holds, lose nothing and add nothing."""
    meaning, session = AGENTS[agent].events[event].meaning, SESSIONS.get(agent, "session_id")
    home.env["MEM0TRAY_CLAUDE_SAVE_SUMMARIES"] = "true"
    values = {TRANSCRIPT: str(write(home.root / "t", lines_of(agent))), SUMMARY: "roses want sun"}
    folder = str(home.root / "garden")
    given = {
        session: "\ud800",
        **({"workspace_roots": [folder]} if agent == "cursor" else {"cwd": folder}),
        FIELDS.get(event, "source"): values.get(meaning, ANSWER),
        "prompt": "<hook_context>\nmem0: of ours\n</hook_context>\nmem0: of the user",
        "odd": float("nan"),
        "timestamp": 7000,
    }
    for _ in range(2):
        printed = hook(home, event, json.dumps(given), agent)
        assert (printed == "") == (meaning != START)
    wanted = [("garden", "roses want sun"), ("garden", "so do beans")]
    wanted = wanted[: {START: 0, SUMMARY: 1}.get(meaning, 2)]
    assert queued(home) == wanted
    hook(home, event, json.dumps({**given, session: "another"}), agent)
    assert queued(home) == [*wanted, *wanted]
    assert not home.log.exists()


@pytest.mark.parametrize("roots", [{}, {"workspace_roots": []}])
def test_without_an_open_folder_a_memory_goes_into_the_home_folder_s_project(
    home: Home, roots: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in home.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home.claude)
    assert (
        hooks.run("afterAgentResponse", json.dumps({"text": "mem0: x", **roots}).encode(), "cursor")
        == ""
    )
    assert queued(home) == [(home.root.name, "x")]


FLAT = {"copilot": "additionalContext", "cursor": "additional_context"}


@pytest.mark.parametrize("agent", [name for name, its in AGENTS.items() if its.events])
def test_each_agent_s_session_begins_with_context_in_its_form(home: Home, agent: str) -> None:
    its, folder, other = AGENTS[agent], str(home.root / "garden"), str(home.root / "orchard")
    home.env["CLAUDE_PROJECT_DIR"] = other  # which is Claude Code's alone
    home.env[its.folder_variable or "UNUSED"] = folder
    named = other if its.folder_variable else folder  # the variable goes before
    home.write_dlq([dead("roses", "garden")])
    event = next(name for name, each in its.events.items() if each.meaning == START)
    printed = json.loads(hook(home, event, "", agent, workspace_roots=[named], cwd=named))
    inner = printed if agent in FLAT else printed["hookSpecificOutput"]
    text = inner.pop(FLAT.get(agent, "additionalContext"))
    nested = {"hookSpecificOutput": {"hookEventName": event}}
    assert printed == ({} if agent in FLAT else nested)
    assert "line of an answer that begins with `mem0:`" in text
    assert "roses" in text


@pytest.mark.row(57)
@pytest.mark.parametrize(
    "words",
    [(), ("Stop", "x", "y"), ("--odd", "Stop"), ("--agent", "Stop"), ("Stop", "--agent")],
)
def test_a_wrong_command_line_in_the_settings_fails_no_caller(
    home: Home, words: tuple[str, ...]
) -> None:
    done = home.run("hook", *words, stdin=told(home, last_assistant_message="mem0: x"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not home.log.exists()
    assert not home.queue.exists()


def test_a_transcript_that_cannot_be_read_is_a_line_in_the_log(home: Home) -> None:
    hook(home, "SessionEnd", transcript_path=str(home.root / "none.jsonl"))
    assert not home.log.exists()
    hook(home, "SessionEnd", transcript_path=str(home.root / "garden"))
    assert "garden" in home.log_text()


@pytest.mark.row(57)
def test_a_full_disk_fails_no_caller(tmp_path: Path) -> None:
    with machine.small_disk(tmp_path / "home", "1m"), ForkedHome(tmp_path / "home") as home:
        given = told(home, last_assistant_message="mem0: " + "roses " * 2000)
        machine.fill(home.root)
        done = home.run("hook", "Stop", stdin=given)
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr.startswith("mem0tray: ❌ Hook Stop: ")
        assert "No space left on device" in done.stderr


def context(home: Home) -> str:
    printed = json.loads(hook(home, "SessionStart", source="startup"))
    special = printed.pop("hookSpecificOutput")
    assert printed == {}
    assert special.pop("hookEventName") == "SessionStart"
    text = special.pop("additionalContext")
    assert special == {}
    assert isinstance(text, str)
    return text


def test_a_session_begins_with_its_project_s_memories(home: Home, server: Standin) -> None:
    hook(home, "Stop", last_assistant_message="mem0: so do beans")
    server.begin_with([("garden", "roses want sun"), ("orchard", "not this")])
    begun: list[str] = []

    def is_in_time() -> bool:  # the server has 0.6 seconds from the hook's begin
        begun[:] = context(home).splitlines()
        return "did not answer" not in begun[2]

    home.wait(is_in_time, what="an answer in time")
    _, _, first, *memories = begun
    assert first.startswith("From mem0tray, memories of earlier sessions. 2 memories of the ")
    assert memories == ["- [waiting here] so do beans", "- roses want sun"]


def test_each_session_is_told_how_to_save_a_memory(home: Home) -> None:
    (line,) = context(home).splitlines()
    assert line.startswith("Save what a later session should know")
    assert (
        "A line of an answer that begins with `mem0:` (in small letters, with no list mark and"
        in line
    )
    hook(home, "Stop", last_assistant_message=line)
    assert not home.queue.exists()


def test_a_session_is_told_what_the_embedded_server_has_while_it_does_not_run(home: Home) -> None:
    home.env.pop("MEM0TRAY_SERVER_URL")
    home.configure('[server]\nurl = "local"\nlocal_port = 0\n')
    hook(home, "Stop", last_assistant_message="mem0: roses want sun")
    hook(home, "Stop", session_id="another", last_assistant_message="mem0: roses want sun")
    home.drained()
    _, _, first, memory = context(home).splitlines()
    assert first.endswith("1 memory of the project 'garden', newest first:")
    assert memory.endswith(", 2 times] roses want sun")


def test_a_server_that_hangs_holds_up_no_session(home: Home, server: Standin) -> None:
    home.configure('[server]\ndialect = "vps"\n')
    hook(home, "Stop", last_assistant_message="mem0: so do beans")
    released = Event()
    server.script_questions(Answer(after=released.is_set))
    _, _, first, memory = context(home).splitlines()
    released.set()
    assert "did not answer" in first
    assert memory == "- [waiting here] so do beans"


def test_the_context_has_its_limit(home: Home) -> None:
    text = "é" * 390
    garden = [{**each, "project_id": "garden"} for each in entries(20)]
    home.write_queue([{**each, "content": f"{text} {n:02}"} for n, each in enumerate(garden)])
    told = context(home)
    assert 9000 < len(told.encode()) <= 10_000
    _, _, _, *whole, last = told.splitlines()
    assert whole == [f"- [waiting here] {text} {19 - n:02}" for n in range(len(whole))]
    assert last == "- … there are more: the tool mem0_recall shows them."


def test_of_a_single_long_memory_the_beginning_is_told(home: Home) -> None:
    home.write_queue([{**entries(1)[0], "project_id": "garden", "content": "é" * 20_000}])
    told = context(home)
    assert len(told.encode()) <= 10_000
    assert told.splitlines()[3].startswith("- [waiting here] éééé")
    assert "\ufffd" not in told


def test_wrong_settings_are_a_line_in_the_log(home: Home) -> None:
    home.configure("[server]\nurl = 7\n")
    home.env.pop("MEM0TRAY_SERVER_URL")
    assert hook(home, "SessionStart") == ""
    assert "server.url" in home.log_text()
    hook(home, "Stop", last_assistant_message="mem0: x")
    assert queued(home) == [("garden", "x")]


def answer(name: str, text: str, **fields: Json) -> Json:
    content = [{"type": "text", "text": text}]
    message = {"id": name, "role": "assistant", "content": content}
    return {"type": "assistant", "isSidechain": False, "message": message, **fields}


def prompt(text: str) -> Json:
    return {"type": "user", "message": {"role": "user", "content": text}}


def write(path: Path, lines: Iterable[Json]) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


def test_an_answer_has_its_parts_in_their_order(tmp_path: Path) -> None:
    call = answer("m2", "")
    call["message"]["content"] = [{"type": "tool_use", "name": "x", "input": {"text": "no"}}]
    lines = [answer("m1", "old"), answer("m2", "one"), call, prompt("result"), answer("m2", "two")]
    assert last_answer(write(tmp_path / "t", [*lines, prompt("next")])) == "one\ntwo"
    plain = answer("m1", "")
    plain["message"]["content"] = "as it is"
    assert last_answer(write(tmp_path / "t", [plain])) == "as it is"


def test_a_transcript_that_is_still_being_written_is_waited_for(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in home.env.items():
        monkeypatch.setenv(name, value)
    _, _, *answers, _, _ = lines_of("copilot")
    path = write(home.root / "t", answers[:1])
    written = [*answers, {"type": "hook.start", "data": {"input": {"timestamp": 1796004020394}}}]
    monkeypatch.setattr("time.sleep", lambda _: write(path, written))
    given = json.loads(told(home, transcriptPath=str(path), timestamp=1796004020394))
    hooks.run("agentStop", json.dumps(given).encode(), "copilot")
    assert queued(home) == [("garden", "roses want sun"), ("garden", "so do beans")]


def test_what_makes_no_sense_is_passed_by(tmp_path: Path) -> None:
    path = write(tmp_path / "t", [answer("m1", "kept"), 5, [], {"type": "assistant"}])
    odd = answer("m1", "")
    odd["message"]["content"] = [5, {"text": 5}]
    text = path.read_text("utf-8") + f"{odd}\n" + "[" * 100_000 + '\n{"type": "assist'
    path.write_text(text, "utf-8")
    assert last_answer(path) == "kept"


def test_only_the_end_of_a_long_transcript_is_looked_at(tmp_path: Path) -> None:
    last = prompt("x" * 1_000_000)
    assert last_answer(write(tmp_path / "t", [answer("m1", "far"), last])) == ""
    assert last_answer(write(tmp_path / "t", [last, answer("m1", "near")])) == "near"
