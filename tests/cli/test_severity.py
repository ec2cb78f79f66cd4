"""How grave and how sure, as tables show it."""

from stopper.cli.severity import severity_cell, sure_by
from stopper.detect.finding import Severity, Tier


def test_every_severity_has_a_cell_and_every_tier_a_word() -> None:
    assert [severity_cell(each.value).text for each in Severity] == [*Severity]
    assert all(sure_by(each.value) for each in Tier)
