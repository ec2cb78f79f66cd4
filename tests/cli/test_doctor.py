"""`stopper doctor`: what held, what did not, and what to do where no bottle starts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from stopper.bottle.doctor import Check
from stopper.cli.app import Fault
from stopper.cli.doctor import NO_BOTTLE, show

Typed = Callable[..., Result]

HELD, LOST = Check("B01", "a way out", True), Check("B02", "another", False, "a packet got out")
UNTRIED = Check("B03", "a third", None, "not tried")

TABLES = {
    # what was found      checks                  table                                          summary
    "all held":          ([HELD, HELD],           ["B01  a way out       held"] * 2,             "All 2 held."),
    "one did not":       ([HELD, LOST],           ["B01  a way out       held",
                                                   "B02  another         NOT HELD  a packet got out"],
                                                                                                 "1 of 2 held, 1 did NOT."),
    "one was not tried": ([HELD, UNTRIED],        ["B01  a way out       held",
                                                   "B03  a third         not tried  not tried"],
                                                                                                 "1 of 2 held, 1 could not be tried here."),
}  # fmt: skip


@pytest.mark.parametrize(("checks", "rows", "summary"), TABLES.values(), ids=TABLES)
def test_the_table_and_its_sum(
    checks: list[Check],
    rows: list[str],
    summary: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(checks)
    out, err = capsys.readouterr()
    said = [" ".join(line.split()) for line in out.splitlines()[1:]]
    assert said == [" ".join(row.split()) for row in rows]
    assert err.strip() == summary


def test_where_no_bottle_starts_the_advice_is_all_that_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Fault, match="allow it"):
        show([Check(NO_BOTTLE, "a bottle starts at all", False, "write\n    allow it\nthere")])
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("namespaces")
def test_a_real_bottle_is_tried(typed: Typed, home: Path) -> None:
    home.parent.mkdir()
    shown = typed("doctor", "--json")
    checks = {row["id"]: row for row in json.loads(shown.stdout)}
    assert shown.exit_code == 0, [row for row in checks.values() if row["held"] is False]
    assert checks["B01"]["held"] is True
    assert set(checks["B01"]) == {"id", "what", "held", "detail"}
    assert shown.stderr == ""
