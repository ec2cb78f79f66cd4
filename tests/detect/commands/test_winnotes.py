import pytest

from stopper.detect.commands.winnotes import blank_notes

TEXTS = {
    # what is tried                       text, and whether its note is blank
    "a text for a list":                     ("@'\nformat d:\n'@ | Set-Content .\\tests\\a.txt", True),
    "a text that is filled in":              ('@"\nformat d:\n"@ | Out-File -Encoding utf8 a.md', True),
    "a text on one line":                    ("'format d:' | Add-Content docs\\a.md", True),
    "a text with a command in it":           ('@"\n$(format d:)\n"@ | Set-Content a.txt', False),
    "a script":                              ("@'\nformat d:\n'@ | Set-Content a.ps1", False),
    "a place that a variable names":         ("@'\nformat d:\n'@ | Set-Content $PROFILE", False),
    "a folder elsewhere":                    ("@'\nformat d:\n'@ | Set-Content C:\\Users\\a.txt", False),
    "a note that runs after all":            ("'format d:' | Set-Content a.txt; iex (gc a.txt -Raw)", False),
    "a command beside it":                   ("'x' | Set-Content a.txt; format d:", False),
}  # fmt: skip


@pytest.mark.parametrize(("text", "blank"), TEXTS.values(), ids=TEXTS)
def test_blank_notes(text: str, blank: bool) -> None:
    """What goes into a note is blank, and every offset stays."""
    found = blank_notes(text)
    assert len(found) == len(text)
    assert ("format d:" not in found) == blank
