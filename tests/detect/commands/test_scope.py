"""Where a path lies, and which of two places counts where both do."""

# ruff: noqa: S108  paths are only named here

import pytest

from stopper.detect.commands.scope import Places
from stopper.detect.effects import Scope

WHERE = {
    # a path                           path             home          scope
    "the workspace":                   ("/work",        "/home/u",    Scope.WHOLE_WORKSPACE),
    "a file of it":                    ("a.txt",        "/home/u",    Scope.WORKSPACE),
    "a temporary folder":              ("/tmp/x",       "/home/u",    Scope.TEMP),
    "the home":                        ("/home/u",      "/home/u",    Scope.HOME),
    "somebody else's home":            ("/home/v/x",    "/home/u",    Scope.HOME),
    "a home in a temporary folder":    ("/tmp/home",    "/tmp/home",  Scope.HOME),
    "below such a home":               ("/tmp/home/x",  "/tmp/home",  Scope.HOME),
    "beside such a home":              ("/tmp/homely",  "/tmp/home",  Scope.TEMP),
    "a folder of the system":          ("/etc",         "/home/u",    Scope.ROOT),
    "the root, by its content":        ("/*",           "/home/u",    Scope.ROOT),
    "above the workspace":             ("..",           "/home/u",    Scope.ROOT),
}  # fmt: skip


@pytest.mark.parametrize(("path", "home", "scope"), WHERE.values(), ids=WHERE)
def test_where(path: str, home: str, scope: Scope) -> None:
    """Each row gives exactly the scope in its last column."""
    assert Places("/work", home).scope(path, "/work") is scope
