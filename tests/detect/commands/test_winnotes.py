import pytest

from stopper.detect.commands.winnotes import blank_documents, blank_notes

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


DOCUMENTS = {
    # what is tried                       text, and whether its document is blank
    "a document":                            ("cat > docs/a.md <<'E'\nformat d:\nE", True),
    "one that is added to":                  ("cat <<'E' >> a.txt\nformat d:\nE", True),
    "one by another way":                    ('tee a.txt <<"E"\nformat d:\nE\nwc a.txt', True),
    "a script":                              ("cat > a.ps1 <<'E'\nformat d:\nE", False),
    "a text that is filled in":              ("cat > a.txt <<E\nformat d:\nE", False),
    "a place elsewhere":                     ("cat > ~/a.txt <<'E'\nformat d:\nE", False),
    "a document that runs after all":        ("cat > a.txt <<'E'\nformat d:\nE\npwsh -f a.txt", False),
    "what another reads":                    ("cat > a.txt <<'E' | b\nformat d:\nE", False),
    "a command behind it":                   ("cat > a.txt <<'E'\nx\nE\nformat d:", False),
}  # fmt: skip


@pytest.mark.parametrize(("text", "blank"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_blank_documents(text: str, blank: bool) -> None:
    """What a shell puts into a note is blank, and every offset stays."""
    found = blank_documents(text)
    assert len(found) == len(text)
    assert ("format d:" not in found) == blank
