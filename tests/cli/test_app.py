"""The `stopper` command as a whole: its help, its errors, its exit statuses."""

import io
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest
from click.testing import Result

from stopper import __version__
from stopper.bottle.start import find_bwrap
from stopper.cli.app import SECTIONS, Fault, stopper
from stopper.stores import open_ledger
from stopper.testing.past import Past

Typed = Callable[..., Result]
STOPPER = (sys.executable, "-m", "stopper")
TIMEOUT_SECONDS = 60
ESCAPE = "\x1b[31m"


def every_command(
    group: click.Group = stopper, words: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """The words of each command that does something."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from every_command(command, (*words, name))
        else:
            yield (*words, name)


COMMANDS = {" ".join(words): words for words in every_command()}


def test_the_commands_are_those_that_are_promised() -> None:
    assert set(COMMANDS) == {
        *("exec", "run", "resume", "ps", "usage", "logs", "cut", "freeze", "kill", "doctor"),
        *("patch", "providers", "approve", "deny", "guards check", "guards explain"),
        *("scan", "redact", "check-command", "check-url"),
        *("rules list", "rules test", "rules explain"),
        *("budget set", "budget list", "budget rm", "audit verify", "mock-provider", "completion"),
        *("ledger pending", "ledger settle", "burn", "route explain"),
    }


def test_the_help_lists_every_command_by_what_it_does(typed: Typed) -> None:
    shown = typed("--help")
    assert shown.exit_code == 0
    for section, commands in SECTIONS.items():
        assert f"\n{section}:\n" in shown.stdout
        for name, (_, about) in commands.items():
            assert re.search(rf"^  {name} +{re.escape(about)}$", shown.stdout, re.MULTILINE)


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_every_help_has_an_example_that_begins_as_the_command(
    typed: Typed, words: tuple[str, ...]
) -> None:
    shown = typed(*words, "-h" if words != ("mock-provider",) else "--help")
    assert shown.exit_code == 0
    assert not re.search("[^\n]{101}", shown.stdout)
    if words != ("mock-provider",):
        assert re.search(rf"^ +stopper {' '.join(words)}\b", shown.stdout, re.MULTILINE)


def test_the_version(typed: Typed) -> None:
    assert typed("--version").stdout == f"stopper {__version__}\n"


MISTAKES = {
    # what is mistaken          what is typed                                      status  needle
    "nothing":                  ((),                                               2, "Usage: stopper"),
    "a command":                (("pss",),                                         2, "no command 'pss'. Did you mean 'ps'?"),
    "a command beyond guess":   (("frobnicate",),                                  2, "no command 'frobnicate'."),
    "a command's command":      (("budget", "lst"),                                2, "'list'"),
    "an option":                (("ps", "--al"),                                   2, "--all"),
    "a choice":                 (("usage", "--by", "colour"),                      2, "'provider', 'model'"),
    "an argument left out":     (("logs",),                                        2, "Missing argument 'BOTTLE'"),
    "an argument too many":     (("ps", "fox"),                                    2, "unexpected extra argument"),
    "a scope":                  (("budget", "set", "globl", "5M"),                 2, "Did you mean 'global'?"),
    "a scope's kind":           (("budget", "set", "bottel:fox", "5M"),            2, "Did you mean 'bottle:fox'?"),
    "no bottle at all":         (("logs", "fox"),                                  2, "nothing has run here yet"),
    "a bottle to be cut":       (("cut", "fox"),                                   2, "Nothing is running."),
    "a shell":                  (("completion", "tcsh"),                           2, "'bash', 'zsh', 'fish'"),
    "escapes in a command":     ((f"{ESCAPE}x",),                                  2, r"\x1b[31m"),
    "escapes in an option":     ((f"--{ESCAPE}",),                                 2, r"\x1b[31m"),
    "escapes in a choice":      (("usage", "--by", ESCAPE),                        2, r"\x1b[31m"),
    "escapes in a bottle":      (("logs", ESCAPE),                                 2, r"\x1b[31m"),
    "escapes in a scope":       (("budget", "set", ESCAPE, "1"),                   2, r"\x1b[31m"),
    "escapes in an amount":     (("budget", "set", "global", ESCAPE),              2, r"\x1b[31m"),
    "escapes in a name":        (("run", "--name", ESCAPE, "--", "true"),          2, r"\x1b[31m"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "status", "needle"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_what_is_allowed(
    typed: Typed, words: tuple[str, ...], status: int, needle: str
) -> None:
    shown = typed(*words)
    assert shown.exit_code == status
    assert needle in shown.stderr
    assert shown.stdout == ""
    assert ESCAPE not in shown.stderr


def a_file_for_a_folder(home: Path) -> None:
    home.parent.mkdir()
    home.write_text("a file")


def a_folder_for_a_ledger(home: Path) -> None:
    (home / "stopper.db").mkdir(parents=True)


def junk_for_a_ledger(home: Path) -> None:
    home.mkdir(parents=True)
    (home / "stopper.db").write_bytes(b"this was never a database " * 100)


def a_newer_ledger(home: Path) -> None:
    home.mkdir(parents=True)
    open_ledger(home / "stopper.db").close()
    with closing(sqlite3.connect(home / "stopper.db")) as db, db:
        db.execute("UPDATE state SET schema_version = 999")


def a_mistyped_setting(home: Path) -> None:
    home.mkdir(parents=True)
    (home / "settings.yml").write_text("budget: 5M\nshutdwon: kill\n")


HOMES = {
    # what is wrong             how                      status  needle
    "the folder is a file":     (a_file_for_a_folder,    2,      "settings.yml: cannot be read (Not a directory)"),
    "the ledger is a folder":   (a_folder_for_a_ledger,  1,      "stopper.db cannot be opened"),
    "the ledger is junk":       (junk_for_a_ledger,      1,      "move it away"),
    "the ledger is newer":      (a_newer_ledger,         1,      "newer"),
    "a setting is mistyped":    (a_mistyped_setting,     2,      "settings.yml:2:1: read 'shutdwon', which is no setting; did you mean 'shutdown'?"),
}  # fmt: skip
ASKED = {
    "ps": ("ps",),
    "usage": ("usage",),
    "budget list": ("budget", "list"),
    "budget set": ("budget", "set", "global", "5M"),
    "budget rm": ("budget", "rm", "global"),
    "logs": ("logs", "fox"),
    "audit verify": ("audit", "verify"),
    "ledger pending": ("ledger", "pending", "--json"),
    "resume": ("resume", "fox"),
    "run": ("run", "--", "true"),
}


@pytest.mark.parametrize("words", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize(("spoil", "status", "needle"), HOMES.values(), ids=HOMES)
def test_a_home_that_cannot_be_used_is_a_sentence(
    typed: Typed,
    home: Path,
    spoil: Callable[[Path], None],
    status: int,
    needle: str,
    words: tuple[str, ...],
) -> None:
    """A ledger's fault has a status of its own where an agent could have given it."""
    spoil(home)
    shown = typed(*words)
    assert (shown.stderr[:7], shown.stdout) == ("Error: ", "")
    assert needle in shown.stderr
    assert shown.exit_code == (125 if status == 1 and words[0] in ("run", "resume") else status)


ORDERED = {
    # what is wrong             how                     status  needle
    "the folder is a file":     (a_file_for_a_folder,   1,      "File exists"),
    "the ledger is a folder":   (a_folder_for_a_ledger, 1,      "stopper.db cannot be opened"),
    "a setting is mistyped":    (a_mistyped_setting,    0,      "Nothing is running."),
}  # fmt: skip


@pytest.mark.parametrize("act", ["cut", "kill"])
@pytest.mark.parametrize(("spoil", "status", "needle"), ORDERED.values(), ids=ORDERED)
def test_an_order_needs_a_ledger_and_no_settings(
    typed: Typed,
    home: Path,
    spoil: Callable[[Path], None],
    status: int,
    needle: str,
    act: str,
) -> None:
    spoil(home)
    shown = typed(act, "--all")
    assert shown.exit_code == status
    assert needle in shown.stderr


def test_a_home_on_a_disk_that_is_read_only(past: Past, home: Path) -> None:
    past.run("fox", status="ended")
    bound = [find_bwrap()[0], "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    done = subprocess.run(
        [*bound, *STOPPER, "budget", "set", "global", "5M"],
        capture_output=True,
        check=False,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.match(r"Error: the ledger \S+ cannot be", done.stderr)


def test_a_home_that_is_no_absolute_path(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOPPER_HOME", "here")
    shown = typed("ps")
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "STOPPER_HOME=here is no absolute path: write it in full" in shown.stderr


def test_a_fault_of_the_system_is_a_sentence(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    shown = typed("run", "--", "true")
    assert (shown.exit_code, shown.stdout) == (125, "")
    assert "No such file or directory" in shown.stderr


@pytest.mark.parametrize(
    ("environ", "coloured"), [({"TERM": "xterm"}, True), ({"NO_COLOR": "1"}, False)]
)
def test_an_error_is_red_on_a_terminal_alone(
    environ: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    monkeypatch.setenv("COLUMNS", "80")
    screen = io.StringIO()
    screen.isatty = lambda: True  # type: ignore[method-assign]
    long = (
        "    a line to be copied, which is longer than the terminal is wide, so it must not break"
    )
    Fault("all is lost " * 10 + f"\n\n{long}\x07\nthere").show(screen)
    first, *others = screen.getvalue().splitlines()
    assert first.startswith("\x1b[31mError:\x1b[0m all is" if coloured else "Error: all is")
    assert others[1:] == ["", rf"{long}\x07", "there"]


@pytest.mark.parametrize("words", [("ps",), ("usage", "--by", "model"), ("pss",)], ids=str)
def test_a_process_of_its_own_says_the_same(
    typed: Typed, home: Path, words: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [*STOPPER, *words], capture_output=True, check=False, text=True, timeout=TIMEOUT_SECONDS
    )
    here = typed(*words)
    assert (done.returncode, done.stdout, done.stderr) == (
        here.exit_code,
        here.stdout,
        here.stderr,
    )


def test_a_reader_that_goes_away_is_no_fault(past: Past, home: Path) -> None:
    run = past.run("fox")
    for _ in range(200):
        past.call(run)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*STOPPER, "logs", "fox"],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    finally:
        os.close(writing)
    assert done.returncode == 1
    assert done.stderr == b""


def test_what_a_stream_cannot_spell_is_replaced(past: Past, home: Path) -> None:
    past.call(past.run("fox"), model="modèle")
    done = subprocess.run(
        [*STOPPER, "usage", "--by", "model"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert done.returncode == 0
    assert b"mod?le" in done.stdout


def test_the_script_that_is_installed_is_this_command() -> None:
    script = shutil.which("stopper", path=str(Path(sys.executable).parent))
    if script is None:
        pytest.skip("the package is not installed here, only on the path")
    done = subprocess.run([script, "--version"], capture_output=True, check=True, text=True)
    assert done.stdout == f"stopper {__version__}\n"


@pytest.fixture
def at_keyboard() -> Iterator[None]:
    """Children can be interrupted even where these tests themselves run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("at_keyboard")
def test_ctrl_c_ends_with_the_status_that_shells_report(past: Past) -> None:
    past.run("fox")
    with subprocess.Popen(
        [*STOPPER, "logs", "-f", "fox"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (130, b"", b"")
