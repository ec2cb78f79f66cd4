"""Plans as values: what bubblewrap is told, and what lies over what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stopper.bottle.sandbox import (
    Kind,
    Mount,
    Plan,
    arrange,
    bwrap_argv,
    bwrap_options,
    contents,
    source_of,
)

PLAN = Plan(
    profile="generic",
    command=("/usr/bin/agent", "--flag"),
    workspace="/w",
    environment={"KEY": "value"},
    python="/usr/bin/python3",
    mounts=(
        Mount(Kind.FILE, "/run/a", data=b"first"),
        Mount(Kind.READ, "/usr", "/usr"),
        Mount(Kind.COPY, "/home/b", data=b"second"),
        Mount(Kind.SCRATCH, "/tmp"),  # noqa: S108  the bottle's own
        Mount(Kind.LINK, "/bin", "usr/bin"),
    ),
)

OPTIONS = {
    # what it is for                     the options, in this order
    "every namespace":                  ["--unshare-all", "--unshare-user"],
    "dies with Stopper":                ["--die-with-parent"],
    "no capabilities":                  ["--cap-drop", "ALL"],
    "the filter":                       ["--seccomp", "6"],
    "no environment but its own":       ["--clearenv"],
    "its own environment":              ["--setenv", "KEY", "value"],
    "no nested namespaces":             ["--disable-userns"],
    "a file":                           ["--perms", "0444", "--ro-bind-data", "8", "/run/a"],
    "a bind":                           ["--ro-bind", "/usr", "/usr"],
    "a copy":                           ["--perms", "0600", "--file", "9", "/home/b"],
    "a shared scratch folder":          ["--perms", "1777", "--size", "268435456", "--tmpfs", "/tmp"],  # noqa: S108
    "a link":                           ["--symlink", "usr/bin", "/bin"],
    "the root is sealed last":          ["--remount-ro", "/", "--chdir", "/w"],
}  # fmt: skip


@pytest.mark.parametrize("wanted", OPTIONS.values(), ids=OPTIONS)
def test_options(wanted: list[str]) -> None:
    """Each group of options is there, unbroken."""
    options = bwrap_options(PLAN)
    places = range(len(options) - len(wanted) + 1)
    assert any(options[place : place + len(wanted)] == wanted for place in places)


def test_nested_namespaces_are_an_exception() -> None:
    """Only a profile that says so leaves them on."""
    assert "--disable-userns" not in bwrap_options(replace(PLAN, userns=True))


def test_contents_follow_the_descriptors() -> None:
    """The order of contents is the order of descriptors in the options."""
    assert contents(PLAN) == [b"first", b"second"]


def test_command_line_shows_no_environment() -> None:
    """`ps` on the host shows the agent's command, and neither variables nor mounts."""
    shown = bwrap_argv(PLAN, "/bin/bwrap", terminal=False)
    assert shown[:3] == ["/bin/bwrap", "--args", "5"]
    assert shown[-3:] == ["-", "/usr/bin/agent", "--flag"]
    assert "value" not in " ".join(shown)


MOUNTS = (
    Mount(Kind.READ, "/usr", "/usr"),
    Mount(Kind.LINK, "/bin", "usr/bin"),
    Mount(Kind.SCRATCH, "/home/u"),
    Mount(Kind.WRITE, "/home/u/work", "/home/u/work"),
    Mount(Kind.READ, "/opt/tool", "/data/tool"),
    Mount(Kind.FILE, "/usr/x", data=b""),
)

SOURCES = {
    # path inside                            host path
    "in a bound folder":                    ("/usr/bin/env",        "/usr/bin/env"),
    "in an empty folder":                   ("/home/u/.ssh/id",     None),
    "in a folder that is bound into it":    ("/home/u/work/a",      "/home/u/work/a"),
    "bound from elsewhere":                 ("/opt/tool/b",         "/data/tool/b"),
    "covered by a file of ours":            ("/usr/x",              None),
    "nowhere":                              ("/srv/x",              None),
    "a name that only begins the same":     ("/usrlocal",           None),
}  # fmt: skip


@pytest.mark.parametrize(("path", "source"), SOURCES.values(), ids=SOURCES)
def test_source_of(path: str, source: str | None) -> None:
    """The nearest mount decides what a path shows."""
    assert source_of(path, MOUNTS) == source


names = st.lists(st.sampled_from("ab"), min_size=1, max_size=4).map(
    lambda part: "/" + "/".join(part)
)


@given(st.lists(names))
def test_parents_come_first(targets: list[str]) -> None:
    """No mount buries one that was put below it, and the last of a target's mounts stands."""
    mounts = [Mount(Kind.READ, target, str(number)) for number, target in enumerate(targets)]
    ordered = arrange(mounts)
    for early, one in enumerate(ordered):
        assert not any(one.target.startswith(f"{late.target}/") for late in ordered[early + 1 :])
    assert {m.target: m.source for m in ordered} == {m.target: m.source for m in mounts}
