"""Rules compiled in another process find what they find when compiled in this one."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stopper.detect.engine import HyperscanEngine
from stopper.detect.inspection import packaged_rules
from stopper.detect.rules import fill
from stopper.shell import environment
from stopper.shell.compiling import compiled_apart


def test_it_finds_the_same() -> None:
    rules = packaged_rules()
    apart, here = compiled_apart(), HyperscanEngine(rules)
    assert apart
    text = "\n".join(fill(hit, "apart") for rule in rules for hit in rule.hits).encode()
    assert apart.matches(text) == here.matches(text) != []


def failing(folder: Path) -> str:
    program = folder / "python"
    program.write_text("#!/bin/sh\necho nothing\n")
    program.chmod(0o755)
    return str(program)


PROGRAMS = {
    "unknown":   lambda _: "",
    "gone":      lambda folder: str(folder / "gone"),
    "another":   failing,
}  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_where_no_other_process_can_the_rules_still_hold(
    program: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program(tmp_path))
    assert compiled_apart() is None
    environment.detector.cache_clear()
    assert environment.detector().scan("AKIA" + "Q7XK" * 4)


def test_a_frozen_application_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("started"))
    assert compiled_apart() is None
