"""Finding a program and what it needs beside it."""

from pathlib import Path

import pytest

from stopper.bottle.command import needs_of, resolve
from stopper.errors import BottleError


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A home with programs installed in the usual ways."""
    script(tmp_path / "bin/plain", "#!/bin/sh\n")
    script(tmp_path / "env/bin/python", "")
    (tmp_path / "env/lib").mkdir()
    (tmp_path / "env/pyvenv.cfg").write_text("")
    (tmp_path / "env/secrets").mkdir()
    script(tmp_path / "env/bin/tool", f"#!{tmp_path}/env/bin/python\n")
    script(tmp_path / "npm/lib/node_modules/agent/cli.js", "#!/usr/bin/env plain\n")
    (tmp_path / "bin/agent").symlink_to("../npm/lib/node_modules/agent/cli.js")
    script(tmp_path / "bin/odd", f"#!{tmp_path}/key\n")
    (tmp_path / "key").write_text("secret")
    (tmp_path / "lib").mkdir()
    (tmp_path / "folder").mkdir()
    return tmp_path


NEEDS = {
    # what is started                            what has to be there
    "a program in the home folder's bin":       ("bin/plain",    {"bin/plain", "/bin/sh"}),
    "a program of a virtual environment":       ("env/bin/tool", {"env/bin", "env/lib", "env/pyvenv.cfg"}),
    "a node package by its link":               ("bin/agent",    {"bin/agent", "npm/lib/node_modules",
                                                                  "bin/plain", "/bin/sh"}),
    "a script whose interpreter is no program": ("bin/odd",      {"bin/odd"}),
}  # fmt: skip


@pytest.mark.parametrize(("program", "needs"), NEEDS.values(), ids=NEEDS)
def test_needs(program: str, needs: set[str], host: Path) -> None:
    """Every link, the install folder and the interpreter, and nothing that lies beside them."""
    found = set(needs_of(str(host / program), str(host / "bin"), host))
    shell = set(needs_of("/bin/sh", "", host))
    wanted = {str(host / need) for need in needs if not need.startswith("/")}
    assert found == wanted | (shell if "/bin/sh" in needs else set())


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """A program may be a link to itself; that is no reason to hang."""
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    assert len(needs_of(str(tmp_path / "one"), "", tmp_path)) <= 64


FOUND = {
    # what is typed        what it is, None where nothing can run
    "a name on the path":  ("plain",       "bin/plain"),
    "a path":              ("./bin/plain", "bin/plain"),
    "an unknown name":     ("missing",     None),
    "an unknown path":     ("./missing",   None),
    "a folder":            ("./folder",    None),
    "no program":          ("./key",       None),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "found"), FOUND.values(), ids=FOUND)
def test_resolve(typed: str, found: str | None, host: Path) -> None:
    """As a shell in the workspace would find it, or an error that says where it looked."""
    path, workspace = str(host / "bin"), str(host)
    if found is None:
        with pytest.raises(BottleError, match="no such program"):
            resolve(typed, path, workspace)
    else:
        assert resolve(typed, path, workspace) == str(host / found)


def script(path: Path, text: str) -> None:
    """An executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
