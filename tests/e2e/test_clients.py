"""Unmodified agents and SDKs from their makers, in real bottles: what they cost, and how they end.

README.md beside this file says how to run it, and where the programs come from.
"""

import json
import os
import secrets
import shutil
import string
import subprocess
from pathlib import Path

import pytest
from msgspec import Struct

from stopper.core.audit import AuditRow
from stopper.core.usage import Quality
from stopper.testing.provider import Fault, Remote, Script, Tally, Tool, fingerprint
from stopper.testing.user import User

pytestmark = pytest.mark.clients

FOLDER_VARIABLE = "STOPPER_TEST_CLIENTS"
INSTALL_SECONDS = 900
PACKAGES = (
    "@anthropic-ai/claude-code-linux-x64",
    "@anthropic-ai/sdk",
    "@openai/codex",
    "openai",
    "undici@7",
)
CLAUDE = "node_modules/@anthropic-ai/claude-code-linux-x64/claude"
CODEX = "node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex"
NODE_AGENT = Path(__file__).with_name("sdk_agent.mjs")
OPENAI_URL = "https://api.openai.com/v1"
SETTINGS = """\
upstreams:
  anthropic: {{url: "{url}", key_env: ANTHROPIC_API_KEY}}
  openai: {{url: "{url}", key_env: OPENAI_API_KEY}}
"""
WAYS = ["gateway", "connect"]
MOST_REFUSALS = 3
"""How often a client may ask again after it was told to stop: once without a stream, mostly."""


class Client(Struct, frozen=True):
    """A program, and how to have it do something headless by either way out."""

    provider: str
    program: str
    head: tuple[str, ...]
    tail: tuple[str, ...]
    tool: Tool
    opening: int
    """Enough tokens to be let in with the first request."""

    connect_head: tuple[str, ...] = ()
    connect_tail: tuple[str, ...] = ()

    def command(self, folder: Path, way: str, prompt: str) -> tuple[tuple[str, ...], list[str]]:
        """The agent's command line, and the flags that `stopper run` needs for it."""
        program = str(folder / self.program)
        connects = way == "connect"
        command = (
            *(self.connect_head if connects else ()),
            *(program, *self.head, prompt, *self.tail),
            *(self.connect_tail if connects else ()),
        )
        return command, [f"--agent={self.provider}", f"--read={Path(program).parent}"]


CLIENTS = {
    "Claude Code": Client(
        "claude",
        CLAUDE,
        head=("-p",),
        tail=("--allowedTools", "Bash"),
        connect_head=("env", "-u", "ANTHROPIC_BASE_URL"),
        tool=Tool("Bash", '{"command": "echo ran >> made.txt"}'),
        opening=20_000,
    ),
    "Codex": Client(
        "codex",
        CODEX,
        head=("exec", "--skip-git-repo-check"),
        tail=(),
        connect_tail=("-c", f'openai_base_url="{OPENAI_URL}"'),
        tool=Tool("exec", json.dumps("text('ran')")),
        opening=27_000,
    ),
}


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where the programs are: named by a variable, or installed into a cache once."""
    if given := os.environ.get(FOLDER_VARIABLE):
        return _complete(Path(given))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stopper/clients"
    if not _missing(cache):
        return cache
    if shutil.which("npm") is None:
        pytest.skip(f"there is no npm to install the clients with, and no {FOLDER_VARIABLE}")
    cache.mkdir(parents=True, exist_ok=True)
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--no-save")
    command = ["npm", "install", f"--prefix={cache}", *quiet, *PACKAGES]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install the clients in {INSTALL_SECONDS} s")
    if done.returncode != 0:
        pytest.skip(f"npm cannot install the clients: {done.stderr.decode()[-300:]}")
    return _complete(cache)


def _complete(folder: Path) -> Path:
    if missing := _missing(folder):
        pytest.skip(f"{folder} lacks {', '.join(missing)}; {FOLDER_VARIABLE} names another one")
    return folder.resolve()


def _missing(folder: Path) -> list[str]:
    sdks = (
        f"node_modules/{name}/package.json" for name in ("@anthropic-ai/sdk", "openai", "undici")
    )
    return [name for name in (CLAUDE, CODEX, *sdks) if not (folder / name).is_file()]


@pytest.fixture
def keys() -> dict[str, str]:
    """Keys that nobody has."""
    return {
        name: "".join(secrets.choice(string.ascii_letters) for _ in range(40))
        for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY")
    }


@pytest.fixture
def owner(tmp_path: Path, provider: Remote, namespaces: None, keys: dict[str, str]) -> User:
    """A user whose keys are for the mock provider alone."""
    user = User(tmp_path, keys=keys)
    (user.state / "settings.yml").write_text(SETTINGS.format(url=provider.url))
    return user


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_an_agent_costs_what_it_is_billed(
    client: Client, way: str, folder: Path, owner: User, provider: Remote, keys: dict[str, str]
) -> None:
    """It uses a tool, thinks, and answers; the ledger and the bill are one, and the key stays out."""
    provider.say(Script(tools=(client.tool,), thinking=20), Script(text="All is done."))
    command, flags = client.command(folder, way, "Do as you are told.")
    done = owner.run(*command, flags=flags)
    assert done.returncode == 0, done.stderr.decode()
    assert b"All is done." in done.stdout
    tally = provider.settled()
    assert tally.total.billed.requests == tally.total.completed.requests == 2
    assert_books(owner, tally)
    (caller,) = tally.callers
    assert caller in {fingerprint(key) for key in keys.values()}
    assert not any(key.encode() in done.stdout + done.stderr for key in keys.values())
    if client.provider == "claude":
        assert (owner.workspace / "made.txt").read_text() == "ran\n"


@pytest.mark.parametrize("way", WAYS)
def test_claude_code_without_a_stream(
    way: str, folder: Path, owner: User, provider: Remote
) -> None:
    """After an error in mid-stream it asks again for one piece; both requests are in the books."""
    provider.say(Script(tokens=50, fault=Fault(status=500, after=10)), Script(text="One piece."))
    command, flags = CLIENTS["Claude Code"].command(folder, way, "Say something.")
    done = owner.run(*command, flags=flags)
    assert (done.returncode, b"One piece." in done.stdout) == (0, True), done.stderr.decode()
    tally = provider.settled()
    posts = [seen.limits.get("stream") for seen in provider.requests() if seen.method == "POST"]
    assert posts[0] is True
    assert posts[1] in (None, False)
    with owner.ledger() as ledger:
        broken, whole = (row for _, row in ledger.rows())
        assert whole.usage.quality is Quality.MEASURED
        completed = tally.total.completed
        assert (whole.usage.input, whole.usage.output) == (completed.input, completed.output)
        assert broken.usage.total >= tally.total.billed.total - completed.total
        assert ledger.open_holds() == 0


@pytest.mark.parametrize("way", WAYS)
def test_node_sdks_cost_what_they_are_billed(
    way: str, folder: Path, owner: User, provider: Remote, keys: dict[str, str]
) -> None:
    """All three APIs, streaming and not, with tools, caches, thinking and compressed replies."""
    done = run_node(owner, folder, "calls", way)
    assert done.returncode == 0, done.stderr.decode()
    assert (OPENAI_URL.encode() in done.stderr) is (way == "connect")
    tally = provider.settled()
    assert int(done.stdout) == tally.total.billed.requests == tally.total.completed.requests
    assert_books(owner, tally)
    assert set(tally.callers) == {fingerprint(key) for key in keys.values()}


DOOR, STREAM = "at the door", "in mid-stream"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", [DOOR, STREAM])
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_a_spent_budget_ends_an_agent_with_our_sentence(
    client: Client, place: str, way: str, folder: Path, user: User, provider: Remote
) -> None:
    """It stops by itself and says why: no retries without end, nothing over the limit."""
    flood = Script(tokens=20_000, delay_ms=1, ignore_limit=True)
    provider.say(*([Script(tools=(client.tool,))] * 20 if place == DOOR else [flood]))
    limit = 60_000 if place == DOOR else client.opening + 2_000
    command, flags = client.command(folder, way, "Go on for ever.")
    done = user.run(*command, flags=[*flags, f"--budget={limit}"])
    said = (done.stdout + done.stderr).decode().splitlines()
    assert done.returncode == 1, said
    ours = [line for line in said if "[stopper budget." in line]
    assert any(not line.startswith("stopper: ") for line in ours), said
    tally = provider.settled().total
    with user.ledger() as ledger:
        rows = [row for _, row in ledger.rows()]
        refused = sum(int(row.fact["count"] or 0) for row in ledger.audit() if _is_budgets(row))
        assert len(rows) == tally.billed.requests
        assert (len(rows) > 1) is (place == DOOR)
        assert tally.billed.total <= sum(row.usage.total for row in rows) <= limit
        assert 1 <= refused <= MOST_REFUSALS
        assert ledger.open_holds() == 0
        assert ledger.verify_audit() is None
    [run] = user.table("ps", "--all")
    assert (run["status"], run["exit_code"]) == ("cut", 1)


@pytest.mark.parametrize("way", WAYS)
def test_a_spent_budget_is_raised_once_by_node_sdks(
    way: str, folder: Path, user: User, provider: Remote
) -> None:
    """No SDK tries again behind its caller's back."""
    done = run_node(user, folder, "spend", way, "--budget=2000")
    assert done.returncode == 0, done.stderr.decode()
    calls = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(calls) == 6
    assert all("[stopper budget.exhausted]" in call["message"] for call in calls), calls
    tally = provider.settled()
    assert sum(call["count"] for call in calls) == tally.total.billed.requests > 10
    assert tally.total.billed.total <= 2000
    assert user.books() == {name: account.billed for name, account in tally.models.items()}
    with user.ledger() as ledger:
        refused = sum(int(row.fact["count"] or 0) for row in ledger.audit() if _is_budgets(row))
        assert refused == len(calls)


def assert_books(user: User, tally: Tally) -> None:
    """The ledger is the bill, to the token and by model, and all of it is measured."""
    assert tally.total.refused == 0
    assert user.books() == {name: account.billed for name, account in tally.models.items()}
    with user.ledger() as ledger:
        assert {row.usage.quality for _, row in ledger.rows()} == {Quality.MEASURED}
        assert ledger.open_holds() == 0
        assert ledger.verify_audit() is None


def run_node(
    user: User, folder: Path, task: str, way: str, *flags: str
) -> subprocess.CompletedProcess[bytes]:
    """The agent on the Node SDKs, to its end."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to run the SDKs with")
    shutil.copy(NODE_AGENT, user.workspace)
    agent = str(user.workspace / NODE_AGENT.name)
    return user.run(node, agent, str(folder), task, way, flags=[f"--read={folder}", *flags])


def _is_budgets(row: AuditRow) -> bool:
    return row.act == "refuse" and row.code.startswith("budget.")
