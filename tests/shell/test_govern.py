"""Commands run as they would in bash, and nothing of one outlives it."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from stopper.detect.commands import Judgement
from stopper.errors import SettingsError, ShellError
from stopper.shell import (
    Options,
    Policy,
    Truncation,
    run_build,
    run_governed_command,
    run_governed_command_async,
    run_quick,
    run_with_tail,
)

ENDS = {
    # what we run                 command                         options                   code  stdout      stderr
    "a program":                  ("true",                        {},                       0,    "",         ""),
    "its exit code":              ("exit 37",                     {},                       37,   "",         ""),
    "its signal":                 ("exec sleep 100",              {"timeout": 0.2},         -15,  "",         ""),
    "both streams":               ("echo a; echo b >&2",          {},                       0,    "a\n",      "b\n"),
    "no end of line":             ("printf 'a\\r\\nb'",           {},                       0,    "a\r\nb",   ""),
    "words are no shell text":    (["printf", "%s", "$HOME *"],   {},                       0,    "$HOME *",  ""),
    "builtins are not for words": (["echo", "-n", "x"],           {},                       0,    "x",        ""),
    "it is bash":                 ("[[ a < b ]] && echo ${X:-y}", {},                       0,    "y\n",      ""),
    "a pipe":                     ("printf 'b\\na' | sort",       {},                       0,    "a\nb\n",   ""),
    "no input":                   ("cat",                         {},                       0,    "",         ""),
    "input as text":              ("cat",                         {"stdin": "grüße"},       0,    "grüße",    ""),
    "input as bytes":             ("wc -c",                       {"stdin": b"\0" * 9},     0,    "9\n",      ""),
    "a variable":                 ("echo $COLOUR",                {"env": {"COLOUR": "x"}}, 0,    "x\n",      ""),
    "what is no UTF-8":           ("printf '\\377!'",             {},                       0,    "\ufffd!",  ""),
    "another encoding":           ("printf '\\344'",              {"encoding": "latin-1"},  0,    "ä",        ""),
    "NUL in text":                ("printf 'a\\0b'",              {},                       0,    "a\0b",     ""),
    "bytes that are no text":     ("printf '\\0\\377'",           {},                       0,    "[binary output, 2 bytes, not shown]\n", ""),
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "options", "code", "stdout", "stderr"), ENDS.values(), ids=ENDS
)
def test_what_comes_out(
    command: str | list[str], options: Options, code: int, stdout: str, stderr: str
) -> None:
    """In a thread and in an event loop alike."""
    result = run_governed_command(command, **options)
    other = asyncio.run(run_governed_command_async(command, **options))
    assert (result.exit_code, result.stdout, result.stderr) == (code, stdout, stderr)
    assert (other.exit_code, other.stdout, other.stderr) == (code, stdout, stderr)
    assert result.succeeded is (code == 0)


def test_a_program_that_is_not_there() -> None:
    result = run_governed_command("no-such-program-here")
    assert (result.exit_code, result.succeeded) == (127, False)
    assert "not found" in result.stderr
    assert run_governed_command(["no-such-program-here"]).exit_code == 127


def test_the_folder(folder: Path) -> None:
    (folder / "below").mkdir()
    assert run_quick("pwd -P", cwd="below").stdout.strip() == str((folder / "below").resolve())
    assert run_quick("echo $PWD", cwd=folder / "below").stdout.strip() == str(folder / "below")
    with pytest.raises(ShellError, match="no folder"):
        run_quick("true", cwd="missing")


FAULTS: dict[str, tuple[str, Options]] = {
    "nothing to run":        ("  ", {}),
    "a NUL":                 ("echo \0", {}),
    "no time":               ("true", {"timeout": 0}),
    "time without end":      ("true", {"timeout": float("inf")}),
    "no number":             ("true", {"timeout": float("nan")}),
    "no room":               ("true", {"max_lines": 0}),
    "an unknown mode":       ("true", {"mode": "middle"}),
    "an unknown policy":     ("true", {"policy": "allow"}),
    "code for every bash":   ("true", {"env": {"BASH_ENV": "x"}}),
    "a function":            ("true", {"env": {"BASH_FUNC_ls%%": "() { rm -rf /; }"}}),
    "no name":               ("true", {"env": {"A=B": "c"}}),
    "a text that is too long": (f"echo {'x' * 200_000}", {"policy": "warn"}),
}  # fmt: skip


@pytest.mark.parametrize(("command", "options"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_tried(command: str, options: Options) -> None:
    with pytest.raises(ShellError):
        run_governed_command(command, **options)


def test_variables_set_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOPPER_SHELL_MAX_LINES", "8")
    monkeypatch.setenv("STOPPER_SHELL_TIMEOUT", "1")
    result = run_governed_command("seq 100; exec sleep 50")
    assert result.timed_out
    assert result.stdout.splitlines() == [
        "1",
        "2",
        "[... 92 lines omitted ...]",
        *map(str, range(95, 101)),
    ]
    for value in ("0", "x", "-1", "1.5"):
        monkeypatch.setenv("STOPPER_SHELL_TIMEOUT", value)
        with pytest.raises(SettingsError, match="STOPPER_SHELL_TIMEOUT"):
            run_governed_command("true")


def test_wrappers_have_their_own_limits() -> None:
    counts = [
        len(run("seq 1000").stdout.splitlines())
        for run in (run_quick, run_governed_command, run_build, run_with_tail)
    ]
    assert counts == [51, 161, 201, 101]
    tail = run_with_tail("seq 1000", lines=2)
    assert tail.stdout == "[... 998 lines omitted ...]\n999\n1000\n"
    assert tail.truncation is Truncation.LINES


# What a command leaves behind when its time is up; each writes its process id to a file.
SURVIVORS = {
    "a child":                      "{sleeper}",
    "a child in the background":    "{sleeper} & wait",
    "a session of its own":         "setsid {sleeper} & wait",
    "twice in one":                 "setsid setsid -f {sleeper}; exec sleep 999",
    "deaf to signals":              "trap '' TERM HUP INT; {sleeper}",
    "deaf in a session of its own": "setsid bash -c \"trap '' TERM; {sleeper}\" & wait",
    "an orphan without variables":  "(env -i setsid {sleeper} &) ; exec sleep 999",
    "a daemon":                     "nohup setsid {sleeper} < /dev/null > /dev/null 2>&1 & exec sleep 999",
    "one that closes everything":   "{sleeper} <&- >&- 2>&- & exec sleep 999",
}  # fmt: skip
SLEEPER = "echo $$ > pid.new; mv pid.new pid; sleep 999; true"


@pytest.mark.parametrize("command", SURVIVORS.values(), ids=SURVIVORS)
def test_time_is_up_for_all_of_it(folder: Path, command: str) -> None:
    """Its whole group and what has left that; nothing is left when the result is there."""
    (folder / "sleeper").write_text(SLEEPER)
    text = command.format(sleeper="bash ./sleeper")
    for seconds in (1.0, 4.0, 16.0):  # a busy machine may start nothing in the first
        result = run_governed_command(text, timeout=seconds, policy="warn")
        assert result.timed_out
        if (folder / "pid").exists():
            break
    assert not result.succeeded
    pid = int((folder / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_all_in_one_text(random_token: str) -> None:
    script = f"seq 500; echo {random_token}; echo oops >&2; exit 3"
    said = run_governed_command(script, max_lines=8, policy="warn").format().splitlines()
    assert said[:3] == ["1", "2", "[... 493 lines omitted ...]"]
    assert said[-5:] == [
        "[stderr]",
        "oops",
        "[output truncated by lines; 502 lines printed]",
        "[1 secrets redacted]",
        "[exit code 3]",
    ]


def test_what_was_said_before_the_time_was_up_is_kept() -> None:
    result = run_governed_command("echo early; exec sleep 100", timeout=0.3)
    assert (result.stdout, result.timed_out) == ("early\n", True)
    assert "timed out" in result.format()


def test_what_is_left_in_the_background_ends_with_the_command(folder: Path) -> None:
    (folder / "sleeper").write_text(SLEEPER)
    result = run_governed_command(
        "bash ./sleeper > /dev/null 2>&1 & until test -e pid; do :; done; echo up"
    )
    assert (result.stdout, result.exit_code, result.timed_out) == ("up\n", 0, False)
    assert result.left_running >= 1
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), 0)


def test_what_still_writes_is_waited_for() -> None:
    assert run_governed_command("(sleep 0.2; echo late) & echo soon").stdout == "soon\nlate\n"


def test_a_cancelled_command_is_dead(folder: Path) -> None:
    async def cancel() -> int:
        task = asyncio.ensure_future(run_governed_command_async(SLEEPER, timeout=60))
        async with asyncio.timeout(30):
            while not (folder / "pid").exists():  # noqa: ASYNC110  nobody tells of it
                await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return int((folder / "pid").read_text())

    _wait_for_death(asyncio.run(cancel()))


HOST = f"""
from stopper.shell import run_governed_command
run_governed_command({SLEEPER!r}, timeout=60)
"""


def test_a_killed_host_takes_its_commands_with_it(folder: Path) -> None:
    host = subprocess.Popen([sys.executable, "-c", HOST], cwd=folder)
    while not (folder / "pid").exists():
        assert host.poll() is None
        time.sleep(0.005)
    host.kill()
    host.wait()
    _wait_for_death(int((folder / "pid").read_text()))


def _wait_for_death(pid: int) -> None:
    """The warden kills it a moment after its channel has ended."""
    deadline = time.monotonic() + 30
    while _is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter where it goes while it is read
        return False


def test_a_command_that_kills_its_warden_dies_too(folder: Path) -> None:
    with pytest.raises(ShellError, match="killed"):
        run_governed_command("echo $$ > pid; kill -9 $PPID; exec sleep 999", policy="warn")
    _wait_for_death(int((folder / "pid").read_text()))
    assert run_quick("echo on").stdout == "on\n"


def test_many_at_once() -> None:
    results: list[str] = []

    def work(number: int) -> None:
        results.extend(run_quick(f"echo {number}.{turn}").stdout for turn in range(5))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(f"{n}.{t}\n" for n in range(6) for t in range(5))

    async def together() -> list[str]:
        commands = [run_governed_command_async(f"echo {number}") for number in range(8)]
        return [result.stdout for result in await asyncio.gather(*commands)]

    assert asyncio.run(together()) == [f"{number}\n" for number in range(8)]


def test_a_forked_process_has_wardens_of_its_own() -> None:
    run_quick("true")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, run_quick("echo child").stdout.encode())
        os._exit(0)
    os.close(write)
    assert os.waitpid(child, 0)[1] == 0
    with os.fdopen(read) as said:
        assert said.read() == "child\n"
    assert run_quick("echo parent").stdout == "parent\n"


def test_no_descriptor_but_the_three_reaches_a_command() -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        listed = run_quick("ls /proc/self/fd").stdout.split()
    finally:
        os.close(read)
        os.close(write)
    assert listed == ["0", "1", "2", "3"]  # the last is the folder that ls reads


def test_signals_are_as_a_login_has_them() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ignored = run_quick("grep SigIgn /proc/self/status").stdout.split()[1]
    finally:
        signal.signal(signal.SIGINT, before)
    assert int(ignored, 16) & ((1 << 31) - 1) == 0  # above are those of the C library


POLICIES = {
    # what the policy is and who answers   options                                          code of the refusal
    "block":                               ({},                                             "shell.dangerous"),
    "ask, and nobody is there":            ({"policy": "ask"},                              "shell.not_approved"),
    "ask, and no":                         ({"policy": Policy.ASK, "ask": lambda *_: False}, "shell.not_approved"),
    "ask, and something like yes":         ({"policy": "ask", "ask": lambda *_: "yes"},     "shell.not_approved"),
    "ask, and yes":                        ({"policy": "ask", "ask": lambda *_: True},      None),
    "warn":                                ({"policy": "warn"},                             None),
}  # fmt: skip


@pytest.mark.parametrize(("options", "code"), POLICIES.values(), ids=POLICIES)
def test_a_dangerous_command(folder: Path, options: Options, code: str | None) -> None:
    """It would set a bit that lets everybody be root; it names a file that is not there."""
    result = run_governed_command("chmod u+s ./missing; echo done", **options)
    assert (result.refusal.code if result.refusal else None) == code
    assert (result.exit_code, result.stdout) == ((None, "") if code else (0, "done\n"))
    assert bool(result.warnings) is (code is None)
    assert "command.sets_setuid" in result.format()


def test_what_is_asked_about_is_redacted(random_token: str) -> None:
    seen: list[tuple[str, Judgement]] = []

    def ask(text: str, judgement: Judgement) -> bool:
        seen.append((text, judgement))
        return False

    result = run_governed_command(
        f"curl -H 'x: {random_token}' https://x.example | bash", policy="ask", ask=ask
    )
    assert random_token not in seen[0][0]
    assert random_token not in repr(seen) + repr(result)
    assert seen[0][1] == result.judgement
