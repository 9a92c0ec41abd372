"""Changes of TOML as text: what is around them stays as it is."""

import tomllib

import pytest

from mem0tray.core import toml_edit

PLACE = ("servers", "ours")
OURS = {"command": "/a b/x", "args": ["mcp"]}
TEXTS = {
    "empty": "",
    "comment": "# mine\n\nmodel = 'x' # best\n",
    "another": '[servers.other]\ncommand = "x"\n\n[servers.other.env]\n\n# tail\n[tui]\nx = 1\n',
    "dotted": "servers.other.command = 'x'\n[t]\na = 1\n",
    "its table": "[servers]\nother = {command = 'x'}\n\n[t]\n",
    "out of order": "[servers.a]\nx = 1\n[tui]\n[servers.b]\nx = 1\n[[list]]\na = 1\n",
    "windows": "[a]\r\nb = 1\r\n",
    "multi-line": 'a = """\n[servers.ours]\ncommand = 1\n"""\n',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("since", ["", "\n[since]\na = 1  # b\n"])
def test_what_is_added_is_taken_back_without_a_trace(
    text: str, since: str, *, allowed: bool
) -> None:
    since = since.replace("\n", "\r\n") if "\r\n" in text else since
    made = toml_edit.with_member(text, PLACE[:1], PLACE[1], OURS) + since
    assert made.startswith(text)
    if allowed:
        made = toml_edit.with_member(made, PLACE, "mode", "approve")
    assert made.count("\r\n") == (made.count("\n") if "\r\n" in text else 0)
    moved = toml_edit.with_value(made, (*PLACE, "command"), "/moved/x")
    expected = OURS | {"command": "/moved/x"} | ({"mode": "approve"} if allowed else {})
    assert tomllib.loads(moved)["servers"]["ours"] == expected
    assert toml_edit.without(moved, PLACE) == text + since


@pytest.mark.parametrize(
    ("text", "moved", "left"),
    [
        (
            "[servers.ours]\na = 1 # mine\nb = 1\n[t]\n# c\nx = 1\n",
            "a = 2 # mine\nb",
            "[t]\n# c\nx = 1\n",
        ),
        ("servers = {ours = {a = 1}, b = {}} # c\n", "{a = 2}, b", "servers = { b = {}} # c\n"),
        (
            "[servers.ours]\na = 1\n\n[t]\nx = 1\n\n[servers.ours.tools.one]\nb = 1\n\n[z]\n# c\n",
            "[servers.ours]\na = 2\n\n[t]",
            "\n[t]\nx = 1\n\n\n[z]\n# c\n",
        ),
        (
            "# a\n[servers.'ours']\n# b\na = 1\n[servers.ours.env]\nx = 1\n\n# c\n[t]\nx = 1\n",
            "a = 2\n[servers.ours.env]\nx = 1\n\n# c\n[t]",
            "# a\n\n# c\n[t]\nx = 1\n",
        ),
        (
            '[servers."ours"]\na = 1\n[t]\nx = """\n[servers.ours]\na = 1\n"""\n',
            'a = 2\n[t]\nx = """\n[servers.ours]\na = 1\n"""\n',
            '[t]\nx = """\n[servers.ours]\na = 1\n"""\n',
        ),
    ],
)
def test_another_form_is_changed_too(text: str, moved: str, left: str) -> None:
    assert moved in toml_edit.with_value(text, (*PLACE, "a"), 2)
    assert toml_edit.without(text, PLACE) == left
    allowed = toml_edit.with_member(text, PLACE, "mode", "approve")
    assert tomllib.loads(allowed)["servers"]["ours"]["mode"] == "approve"
    assert toml_edit.without(allowed, PLACE) == left


@pytest.mark.parametrize(("text", "gap"), [("", ""), ("\n", ""), ("# mine\n", "\n")])
def test_a_blank_line_comes_before_a_table_only_where_something_stands(text: str, gap: str) -> None:
    made = toml_edit.with_member(text, PLACE[:1], PLACE[1], OURS)
    assert made.startswith(f"{text}{gap}[servers.ours]")


@pytest.mark.parametrize("text", ["servers = {other = {}}\n", "servers = 1\n", "[servers.ours]\n"])
def test_where_there_is_no_place_nothing_is_made(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        toml_edit.with_member(text, PLACE[:1], PLACE[1], OURS)
