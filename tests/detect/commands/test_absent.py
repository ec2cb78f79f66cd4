import pytest

from stopper.detect.commands import is_dangerous, judge_command

LOOPS = {
    # what the loop over a home folder does    command, and whether it is dangerous
    "tests and writes":                  ('for f in ~/A/*; do [ -f "$f.b" ] || c "$f" > "$f.b"; done', False),
    "tests otherwise and writes":        ('for f in ~/A/*; do test ! -e "$f.b" && c "$f" > "$f.b"; done', False),
    "writes where nothing is":           ('for f in ~/A/*; do if [ ! -f "$f.b" ]; then c > "$f.b"; fi; done', False),
    "writes where something is not":     ('for f in ~/A/*; do if [[ -e $f.b ]]; then :; else c > "$f.b"; fi; done', False),
    "goes on where something is":        ('for f in ~/A/*; do [ -e "$f.b" ] && continue; c > "$f.b"; done', False),
    "goes on by a whole statement":      ('for f in ~/A/*; do if [ -e "$f.b" ]; then continue; fi; c > "$f.b"; done', False),
    "asks two things":                   ('for f in ~/A/*; do [ -n "$x" ] && [ ! -f "$f.b" ] && c > "$f.b"; done', False),
    "does not ask":                      ('for f in ~/A/*; do c > "$f.b"; done', True),
    "asks for another":                  ('for f in ~/A/*; do [ -f "$f.x" ] || c > "$f.b"; done', True),
    "writes where something is":         ('for f in ~/A/*; do [ -f "$f.b" ] && c > "$f.b"; done', True),
    "writes behind the question":        ('for f in ~/A/*; do if [ ! -f "$f.b" ]; then :; fi; c > "$f.b"; done', True),
    "asks and goes on otherwise":        ('for f in ~/A/*; do [ ! -e "$f.b" ] && continue; c > "$f.b"; done', True),
    "asks in a loop before":             ('for f in ~/A/*; do [ -e "$f" ] && continue; done; for f in ~/A/*; do : > "$f"; done', True),
    "asks outside of an inner loop":     ('for f in ~/A/*; do [ -e "$f" ] || for g in ~/A/*; do : > "$g"; done; done', True),
    "asks in a function":                ('g() { [ -f "$1" ] && return; }; for f in ~/A/*; do g "$f"; : > "$f"; done', True),
    "asks in one case":                  ('for f in ~/A/*; do case $1 in a) [ -f "$f.b" ] && exit;; esac; c > "$f.b"; done', True),
    "asks in a branch":                  ('for f in ~/A/*; do if a; then [ -f "$f.b" ] && exit; fi; c > "$f.b"; done', True),
    "says so and goes on":               ('for f in ~/A/*; do [ -f "$f.b" ] && { echo a; continue; }; c > "$f.b"; done', False),
    "asks for many":                     ("[ -f ~/A/* ] || : > ~/A/*", True),
    "deletes":                           ('for f in ~/A/*; do [ -f "$f.b" ] || rm -r "$f"; done', True),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), LOOPS.values(), ids=LOOPS)
def test_absent(command: str, dangerous: bool) -> None:
    """What a test says is not there is not lost; all else in a home folder is."""
    assert is_dangerous(judge_command(command)) == dangerous
