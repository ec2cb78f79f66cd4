"""Hostile commands: no crash, spans inside the text, and time that is bounded."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect.commands import DIALECTS, PATTERNS, decide, judge_command, patterns
from stopper.detect.sql import judge_sql

MEGABYTE = 1_000_000
MOST_SECONDS = 1.0
"""Processor time, not time that passes."""
MOST_GROWTH = 3.0
"""Of the time for twice the input; a square would be four."""
NOISE = 0.05
SIZES = (30_000, 100_000)

PIECES = st.sampled_from(
    [
        "rm", " -rf ", "/", "~", " ", "\n", ";", "|", "&", "&&", "||", "(", ")", "{", "}", "$(", "${", "`", "$((", "))", "<(", ">(",
        "'", '"', "$'", "\\", "\\x41", "<<E\n", "\nE\n", "<<<", ">", ">>", "<&5", "5<>", "2>&1", "a=", "a=(", "$a", "${a:-", "${a[@]}", "{1..9}", "{a,b}",
        "if ", "then ", "fi", "for a in ", "do ", "done", "while ", "case a in ", "esac", "f() {", "[[ ", "]]", "!", "#", "*", "?", "[a", "@(",
        "sudo ", "env -S ", "xargs ", "find . -exec ", "bash -c ", "eval ", "sh", "ssh a ", "docker exec a ", "python3 -c ", "perl -e ", "node -e ", "awk ",
        "base64 -d", "curl http://a.example", "psql -c ", "DROP TABLE a", "powershell -c ", "cmd /c ", "Remove-Item ", "%0|", "-Recurse ", "C:\\", "$env:",
        "alias a=", "trap ", "read a", "export ", "git -c ", "vim -c ", "\0", "\ud800", "\udfff", "\u200b", "é", "\uff52", "\r", "\x7f", "\x01", "\x02", "\x03", "\x04",
    ]
)  # fmt: skip

HOSTILE = {
    "semicolons": ";", "commands": "a;", "pipes": "a|", "and": "&", "quotes": '"', "single quotes": "'", "both quotes": "\"'",
    "nested quotes": "\"$(echo '", "substitutions": "$(", "backticks": "`", "sums": "$((((", "expansions": "${a:-", "brackets": "(",
    "arrays": "a=(", "braces": "{a,", "open braces": "{", "ifs": "if a; then ", "loops": "for a in b; do ", "cases": "case a in ",
    "functions": "f(){ f;};", "tests": "[[ a ", "here-documents": "cat <<A\n", "here-strings": "a<<<", "redirections": ">a ", "blanks": " ",
    "tabs": "\t", "lines": "\n", "CRLF": "a\r\n", "backslashes": "\\", "joined lines": "\\\n", "comments": "# a\n", "words": "a ",
    "letters": "a", "wildcards": "*?[", "dollars": "$", "assignments": "a=b ", "zeros": "\0", "surrogates": "\ud800", "letters of Europe": "é",
    "invisible": "\u200b", "sudo": "sudo ", "env": "env -S ", "evals": "eval ", "shells": "bash -c ", "aliases": "alias a=b;", "traps": "trap a EXIT;",
    "powershells": "powershell ", "cmds": "cmd /c ", "fors of cmd": "for /d %i in (", "forfiles": "forfiles /p ", "variables": "$env:a ", "climbing": "../",
}  # fmt: skip

INSIDE = {
    # what is tried            before           piece              after
    "perl's forks":           ("perl -e 'fork", " ",               "'"),
    "perl's loops":           ("perl -e 'while"," ",               "'"),
    "perl's name":            ("perl -e '",     "$0 ",             "'"),
    "ruby's evals":           ("ruby -e '",     "eval ",           "'"),
    "yes to all":             ("yes ",          "| xargs ",        ""),
    "endless loops":          ("while true; do","\\n",              "done"),
    "clones":                 ("",              "git clone https://a/b x;./y;", ""),
    "a bomb of braces":       ("echo ",         "{1..1000000}",    ""),
    "pairs of braces":        ("echo ",         "{a,b}",           ""),
    "doubling":               ("a=x;",          "a=$a$a;",         "echo $a"),
    "a long here-document":   ("cat <<A\n",     "rm -rf /\n",      "A\n"),
    "one that a shell runs":  ("sh <<A\n",      "a\n",             "A\n"),
    "sums of C":              ("for ((",        "(",               ""),
    "arguments":              ("rm ",           "a ",              ""),
    "curl":                   ("curl ",         "http://a/ ",      ""),
    "git":                    ("git ",          "-c a=b ",         ""),
    "docker":                 ("docker run ",   "-v /:/x ",        ""),
    "find":                   ("find . ",       "-exec a {} ; ",   ""),
    "pip":                    ("pip install ",  "git+https://a@",  ""),
    "sed":                    ("sed '",         "s/a/b/;",         "' x"),
    "sed's e":                ("sed '",         "s/a",             "' x"),
    "awk":                    ("awk '",         'print > "',       "'"),
    "awk's system":           ("awk '",         'system("',        "'"),
    "Python":                 ("python3 -c '",  "x=1\n",           "'"),
    "Python's sums":          ("python3 -c '",  "a+",              "1'"),
    "Python's brackets":      ("python3 -c '",  "(",               "'"),
    "Perl":                   ("perl -e '",     'system("',        "'"),
    "Perl's files":           ("perl -e '",     'open F,">',       "'"),
    "Ruby":                   ("ruby -e '",     "fork while ",     "'"),
    "Node":                   ("node -e '",     "fetch(eval(",     "'"),
    "PHP":                    ("php -r '",      "DB::table(",      "'"),
    "SQL":                    ("psql -c '",     "DROP TABLE a;",   "'"),
    "brackets of SQL":        ("psql -c 'drop", "(",               "'"),
    "comments of SQL":        ("psql -c 'drop", "/*",              "'"),
    "lines of SQL":           ("psql -c 'drop", "\n",              "'"),
    "an editor's lines":      ("ed a <<A\n",    "\n",              "A\n"),
    "sftp's lines":           ("sftp a <<A\n",  " \n",             "A\n"),
    "settings":               ("echo '",        "alias a=",        "' >> ~/.bashrc"),
    "mongo":                  ("mongosh --eval '", "db.a.remove(", "'"),
    "PowerShell":             ("powershell -c ", "Remove-Item ",   ""),
    "downloads":              ("powershell ",   "downloadfile(",   ""),
    "base64 of PowerShell":   ("powershell -e ", "QQA=",           ""),
    "cmd's loops":            ("for /d ",       "%i in (a) do ",   ""),
    "aliases of PowerShell": ("", "sal a b;", "a C:\\x"),
    "a client's variables": ("psql <<'A'\n", "\\set a b\n:a;\n", "A\n"),
    "statements of a stranger": ("nobody ", "-c 'drop table a' ", ""),
    "methods by their names": ("php -r '", 'call_user_func("a",', "'"),
    "gluing in PowerShell":     ("powershell \"iex ('a'", " -replace 'b','c'", ')"'),
    "formats of PowerShell":    ("$a = ", "\"{0}{1}\" -f 'a','b';", ""),
    "arrays turned round":      ("", "$a='b'.ToCharArray();[array]::Reverse($a);", "& (-join $a)"),
    "wildcards for commands":   ("& (gcm ", "*?", ")"),
    "folders of calls":         ("del ", "[Environment]::GetFolderPath('a')", ""),
    "functions of PowerShell":  ("", "function a { param($p) ", "}; a b"),
    "listings of PowerShell":   ("", "dir C:\\a | % { ", "delete("),
    "texts of PowerShell":      ("powershell ", "'a b' ", "| iex"),
    "batches":                  ("echo :a & ", "start a.cmd goto ", "> a.cmd"),
    "codes of forfiles":        ('forfiles /p a /c "', "0x41", '"'),
    "an environment's call":    ("[Environment]::", "SetEnvironmentVariable('Path',", ""),
    "kills":                    ("", "Get-Process | Where-Object {", ""),
    "words of programs":        ("nobody ", "delete-all ", "--force"),
    "humps of programs":        ("nobody ", "aB", ""),
    "policies":                 ("nobody policy ", "protect ", "--enabled false"),
    "roles":                    ("nobody add ", "role a/", "admin"),
    "addresses":                ("nobody add ", "0.0.0.0 ", "255.255.255.255"),
    "stores":                   ("nobody copy ", "-d a", "drop"),
    "images":                   ("kubectl patch ", "image: a.b/", ""),
    "manifests":                ("kubectl apply -f - <<'A'\n", "kind: Role\n", "A\n"),
    "bindings":                 ("kubectl apply -f - <<'A'\n", "kind: RoleBinding name: ", "A\n"),
    "policies of HCL":          ("vault policy write a - <<'A'\n", 'path "*" {', "A\n"),
    "policies of JSON":         ("aws a b '", '"Effect":"Allow"', "'"),
    "what Redis is told":       ("nc a 6379 <<'A'\n", "*1\n$1\na\n", "A\n"),
    "texts of SQL":             ("psql -c \"exec('", "a' + 'b", "')\""),
    "codes of SQL":             ('psql -c "exec(', "char(1)+", 'a)"'),
    "calls of SQL":             ('psql -c "exec(', "concat('a',", 'a)"'),
    "casts of SQL":             ('psql -c "exec ', "cast(0x41414141 as ", '"'),
    "rows that leave":          ('psql -c "copy ', "unload to ", "'s3://a'\""),
    "commands of Mongo":        ("mongosh --eval '", "runCommand({[", "'"),
    "stages of Mongo":          ("mongosh --eval '", "$out: ", "'"),
    "Oracle's backups":         ("rman <<'A'\n", "delete ;", "A\n"),
    "joins of code":            ('node -e "', "['a','b'].join(", '"'),
    "lists of code":            ('node -e "[', "'a',", "].join('')\""),
    "codes of code":            ('node -e "String.fromCharCode(', "1,", ')"'),
    "reversing code":           ("ruby -e '\"a\"", ".reverse", "'"),
    "replacing code":           ("node -e \"'a'", ".replace('a','b')", '"'),
    "names in code":            ("php -r '", '$a="b";', "$a();'"),
    "makers of code":           ("php -r 'eval(", "strrev(", "'"),
    "variables of code":        ("php -r '", "$a=strrev(", ";$a();'"),
    "shown code":               ("ruby -e '", 'p "a(b)";', "'"),
    "base64 of code":           ('node -e "', "atob('QQ==')", '"'),
    "calls of Python":          ('python3 -c "', "getattr(", '"'),
    "letters of Python":        ("python3 -c \"''.join([", "'a',", '])"'),
    "a test's database":        ("RAILS_ENV=test rails ", "db:drop ", ""),
    "given to commands":        ("", "A=b ", "mix ecto.drop"),
    "where git pushes":         ("git ", "-c url.http://a.insteadOf=b ", "push"),
    "extensions":               ("", "gh extension install a/gh-b;", "gh b"),
}  # fmt: skip


def seconds(text: str) -> float:
    start = time.process_time()
    judge_command(text)
    return time.process_time() - start


@settings(max_examples=300, deadline=None)
@given(
    st.lists(PIECES | st.text(st.characters(codec=None), max_size=3), max_size=20).map("".join),
    st.sampled_from(DIALECTS),
)
def test_every_text_has_an_answer(text: str, dialect: str) -> None:
    """No text raises, and every finding lies in it."""
    judgement = judge_command(text, dialect=dialect)
    spans = [effect.span for effect in judgement.effects]
    for start, end in [*spans, *(part.span for part in judgement.unprovable)]:
        assert 0 <= start <= end <= len(text)
    assert decide(judgement).verdict
    assert set(patterns(text)) <= set(PATTERNS)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=64))
def test_every_bytes_have_an_answer(data: bytes) -> None:
    judge_command(data.decode("utf-8", "surrogateescape"))
    judge_sql("drop " + data.decode("latin-1"))


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_a_megabyte_takes_less_than_a_second(piece: str) -> None:
    assert seconds(piece * (MEGABYTE // len(piece))) < MOST_SECONDS


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_every_size_takes_less_than_a_second(piece: str, size: int) -> None:
    """What is just small enough to be parsed is the worst."""
    assert seconds(piece * (size // len(piece))) < MOST_SECONDS


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("before", "piece", "after"), INSIDE.values(), ids=INSIDE)
def test_the_inside_takes_less_than_a_second(
    before: str, piece: str, after: str, size: int
) -> None:
    assert seconds(before + piece * (size // len(piece)) + after) < MOST_SECONDS


@pytest.mark.parametrize(("before", "piece", "after"), INSIDE.values(), ids=INSIDE)
def test_time_grows_no_faster_than_twofold(before: str, piece: str, after: str) -> None:
    """Twice the input costs about twice the time; each is the best of three."""
    count = 6_000 // len(piece)
    once = min(seconds(before + piece * count + after) for _ in range(3))
    twice = min(seconds(before + piece * (2 * count) + after) for _ in range(3))
    assert twice < MOST_GROWTH * once + NOISE
