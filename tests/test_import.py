"""What an import costs: `import stopper` pulls in no face and no back end, help pulls in little."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

LISTED = "import json, sys; json.dump(sorted(sys.modules), sys.stdout)"
TIMEOUT_SECONDS = 60

FACES = {"stopper.cli", "stopper.api", "stopper.tui", "stopper.testing", "click"}
BACK_ENDS = {"stopper.stores.sqlite", "stopper.stores.memory", "sqlite3"}
EGRESS = {"stopper.egress", "stopper.bottle.start", "asyncio", "uvloop", "httptools", "ssl"}
HEAVY = {"genai_prices", "cryptography", "bpe_openai", "brotli", "zstandard", "idna", "yaml"}

IMPORTS = {
    # what is imported                     code                                            what stays out
    "the package":                        ("import stopper",                               FACES | BACK_ENDS | EGRESS | HEAVY | {"msgspec"}),
    "a pure part":                        ("import stopper.core.budget",                   FACES | BACK_ENDS | EGRESS | HEAVY),
    "the choice of a ledger":             ("import stopper.stores",                        FACES | BACK_ENDS | EGRESS | HEAVY),
    "budgets of context":                 ("import stopper.io_budget",                     FACES | BACK_ENDS | EGRESS | HEAVY),
    "telemetry":                          ("import stopper.telemetry",                     FACES | BACK_ENDS | EGRESS | HEAVY | {"httpx2"}),
    "routing":                            ("import stopper.routing",                       FACES | BACK_ENDS | EGRESS | HEAVY | {"httpx2"}),
    "transports":                         ("import stopper.http",                          FACES | BACK_ENDS | {"asyncio", "uvloop", "genai_prices", "bpe_openai"}),
}  # fmt: skip
COMMANDS = {
    # what is typed         words                       what stays out
    "the help":            (("--help",),                BACK_ENDS | EGRESS | HEAVY),
    "the version":         (("--version",),             BACK_ENDS | EGRESS | HEAVY),
    "the help of run":     (("run", "--help"),          BACK_ENDS | EGRESS | HEAVY),
    "the help of resume":  (("resume", "--help"),       BACK_ENDS | EGRESS | HEAVY),
    "a mistake":           (("rnu",),                   BACK_ENDS | EGRESS | HEAVY),
    "what runs":           (("ps",),                    EGRESS | (HEAVY - {"idna", "yaml"})),
    "what was used":       (("usage",),                 EGRESS | (HEAVY - {"idna", "yaml"})),
    "how fast it goes":    (("burn",),                  BACK_ENDS | EGRESS | HEAVY),
    "budgets":             (("budget", "list"),         EGRESS | (HEAVY - {"idna", "yaml"})),
    "a dry run":           (("run", "--dry-run", "--", "true"), {"genai_prices", "bpe_openai"}),
}  # fmt: skip


def loaded(code: str, *words: str) -> set[str]:
    """The modules of a fresh process after this code."""
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        check=True,
        timeout=TIMEOUT_SECONDS,
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return set(found)


@pytest.mark.parametrize(("code", "outside"), IMPORTS.values(), ids=IMPORTS)
def test_an_import_pulls_in_no_more_than_it_needs(code: str, outside: set[str]) -> None:
    assert loaded(f"{code}; {LISTED}") & outside == set()


@pytest.mark.parametrize(("words", "outside"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_loads_no_more_than_it_needs(
    words: tuple[str, ...],
    outside: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("STOPPER_HOME", str(tmp_path / "state"))
    run = (
        f"import atexit; atexit.register(lambda: exec({LISTED!r}))\nfrom stopper.cli import main\n"
    )
    run += "try:\n    main()\nexcept SystemExit:\n    print()"
    assert loaded(run, *words) & outside == set()
