"""What held, as a table and as JSON."""

from tests.desktops.result import FAILED, HELD, LACKS, Outcome, Report, table


def report(*outcomes: Outcome) -> Report:
    return Report("xfce", "XFCE", outcomes)


def test_a_desktop_held_where_nothing_failed() -> None:
    assert report(Outcome("icon", HELD), Outcome("tooltip", LACKS)).held
    assert not report(Outcome("icon", HELD), Outcome("tooltip", FAILED)).held
    assert not report().held


def test_a_report_comes_back_from_json() -> None:
    written = report(Outcome("icon", HELD, "at 1, 2", 0.5), Outcome("menu", FAILED, "“…”"))
    assert Report.from_json(written.as_json()) == written


def test_the_table_says_what_held_and_why_not() -> None:
    one = report(Outcome("icon", HELD), Outcome("menu", FAILED, "no menu"))
    other = Report("gnome", "GNOME", (Outcome("icon", LACKS, "shows none"),))
    assert table([one, other]).splitlines() == [
        "|  | XFCE | GNOME |",
        "| --- | --- | --- |",
        "| icon | yes | – |",
        "| menu | NO |  |",
        "",
        "- XFCE, menu: no menu",
        "- GNOME, icon: shows none",
    ]
