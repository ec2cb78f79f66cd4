"""Commands of mere words are read as the parser reads them."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.detect.commands import judge_command
from stopper.detect.commands.simple import simple_words

PROGRAMS = (
    "git", "rm", "kubectl", "aws", "sudo", "echo", "cat", "chmod", "terraform", "test", "'rm'",
    '"dd"', "./run.sh", "/bin/rm", "docker", "xargs", "r'm'", "python3.11", "true", ":",
)  # fmt: skip
WORDS = (
    "push", "--force", "-rf", "/", "~", "*", "delete", "ns", "prod", "--all", "a=b", "if=/dev/sda",
    "'a b'", '"a  b"', "x'y z'w", "777", "-R", "HEAD^", "origin/main", "done", "if", "=", "?",
    "--format='{{.Names}}'", '"it\'s"', "'say \"hi\"'", "''", "%1", "user@host:x", "s3://b/c", "-",
    "--", "then", "$", "`id`", "$(id)", ";", "|", "&", ">", "#", "!", "{a,b}", "[", "\\", "\n",
)  # fmt: skip
BLANKS = (" ", "  ", "\t")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ls", ["ls"]),
        ("  git\tpush  --force \n", ["git", "push", "--force"]),
        ("rm -rf 'a b' \"c $\"", None),
        ("rm -rf 'a $b' \"c d\"e", ["rm", "-rf", "'a $b'", '"c d"e']),
        ("grep '(' x", ["grep", "'('", "x"]),
        ("", None),
        ("   ", None),
        ("A=1 ls", None),
        ("export A=1", None),
        ("for x in y", None),
        ("ls; id", None),
        ("ls\nid", None),
        ("ls # all", None),
        ("echo $HOME", None),
        ("echo 'open", None),
        ("x" * 4096, ["x" * 4096]),
        ("x" * 4097, None),
    ],
)
def test_words(text: str, words: list[str] | None) -> None:
    """What has an operator, an expansion, an assignment or a keyword is no simple command."""
    simple = simple_words(text)
    assert (simple and simple[0]) == words


@given(
    st.sampled_from(PROGRAMS),
    st.lists(st.tuples(st.sampled_from(BLANKS), st.sampled_from(WORDS)), max_size=6),
)
def test_same_as_parsed(program: str, rest: Iterable[tuple[str, str]]) -> None:
    """A separator behind it sends the same command through the parser, with the same answer.

    Not so for a last word `==`, which its grammar takes for a mistake.
    """
    text = program + "".join(blank + word for blank, word in rest)
    if simple_words(text) is not None:
        text = text.rstrip()
        assert simple_words(f"{text} ;") is None
        assert judge_command(text) == judge_command(f"{text} ;")
