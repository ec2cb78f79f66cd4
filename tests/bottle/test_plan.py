"""What a bottle may touch: the rules as a whole, on folders of a user's."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stopper.bottle.observe import OBSERVE_WARNING
from stopper.bottle.sandbox import Isolation, Kind, Plan, source_of
from stopper.errors import BottleError

if TYPE_CHECKING:
    from .conftest import User
else:
    User = Any

ASKED: dict[str, Callable[[User], dict[str, Any]]] = {
    "nothing beside the workspace":  lambda _: {},
    "a folder to read":              lambda user: {"read": (user.home / "docs",)},
    "the system to read":            lambda _: {"read": (Path("/usr"), Path("/etc"))},
    "a folder to write":             lambda user: {"write": (user.home / "docs",)},
    "Stopper's folder in the system": lambda user: {"state": user.workspace.parent / "docs/state"},
}  # fmt: skip


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_state_is_never_shown(asked: Callable[[User], dict[str, Any]], user: User) -> None:
    """Whatever is asked for, no path inside shows Stopper's folder or what is in it."""
    (user.home / "docs/state").mkdir(parents=True)
    given_ = asked(user)
    plan = user.plan("/bin/sh", **given_)
    state = given_.get("state", user.state)
    assert source_of(str(state), plan.mounts) is None
    assert source_of(str(state / "stopper.db"), plan.mounts) is None
    assert not any(mount.source.startswith(str(state)) for mount in plan.mounts)


def test_state_below_a_system_folder_is_covered(user: User) -> None:
    """The system is shown, so a cover has to lie over Stopper's folder there."""
    state = Path("/usr/share")
    plan = user.plan("/bin/sh", state=state)
    assert source_of("/usr/share/doc", plan.mounts) is None
    assert source_of("/usr/bin/env", plan.mounts) == "/usr/bin/env"


REFUSED: dict[str, Callable[[User], dict[str, Any]]] = {
    "the home folder as workspace":       lambda user: {"workspace": user.home},
    "its parent as workspace":            lambda user: {"workspace": user.home.parent},
    "the root as workspace":              lambda _: {"workspace": Path("/")},
    "a link to the home as workspace":    lambda user: {"workspace": user.workspace / "home"},
    "Stopper's folder as workspace":      lambda user: {"workspace": user.state},
    "a link to Stopper's folder":         lambda user: {"read": (user.workspace / "state",)},
    "the home folder to read":            lambda user: {"read": (user.home,)},
    "the system to write":                lambda _: {"write": (Path("/etc"),)},
    "an unknown kind of agent":           lambda _: {"agent": "nobody"},
    "a program in Stopper's folder":      lambda user: {"command": (str(user.state / "tool"),)},
    "a key by name":                      lambda _: {"env": ("OPENAI_API_KEY",)},
}  # fmt: skip


@pytest.mark.parametrize("asked", REFUSED.values(), ids=REFUSED)
def test_refused(asked: Callable[[User], dict[str, Any]], user: User) -> None:
    """What would open the bottle is an error and no plan."""
    (user.workspace / "home").symlink_to(user.home)
    (user.workspace / "state").symlink_to(user.state)
    (user.state / "tool").write_text("#!/bin/sh\n")
    (user.state / "tool").chmod(0o755)
    given_ = asked(user)
    command = given_.pop("command", ("/bin/sh",))
    with pytest.raises(BottleError):
        user.plan(*command, **given_)


SHOWN = {
    # path below the home folder             made as   kind of agent  shown
    "the workspace":                        ("work",                    "generic", True),
    "a key":                                (".ssh/id",                 "generic", False),
    "a cloud's login":                      (".aws/credentials",        "generic", False),
    "a shell's start file":                 (".bashrc",                 "generic", False),
    "another project":                      ("other/file",              "generic", False),
    "a toolchain":                          (".pyenv/shims/python",     "generic", True),
    "programs of the user":                 (".local/bin/tool",         "generic", True),
    "a package manager's login":            (".cargo/credentials.toml", "generic", False),
    "claude's commands, for claude":        (".claude/commands/x.md",   "claude",  True),
    "claude's commands, for others":        (".claude/commands/x.md",   "generic", False),
    "claude's login":                       (".claude/.credentials.json", "claude", False),
    "claude's other projects":              (".claude/projects/-other/x", "claude", False),
    "codex's sessions":                     (".codex/sessions/x",       "codex",   True),
    "codex's login":                        (".codex/auth.json",        "codex",   False),
}  # fmt: skip


@pytest.mark.parametrize(("path", "agent", "shown"), SHOWN.values(), ids=SHOWN)
def test_home(path: str, agent: str, shown: bool, user: User) -> None:
    """The home folder is empty but for what the table names."""
    target = user.home / path
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("x")
    plan = user.plan("/bin/sh", agent=agent)
    assert (source_of(str(target), plan.mounts) is not None) == shown


def test_agents_settings_are_made_anew(user: User) -> None:
    """A login in the user's own settings stays outside; a placeholder is approved inside."""
    (user.home / ".claude.json").write_text(json.dumps({"theme": "dark", "primaryApiKey": "real"}))
    plan = user.plan("/bin/sh", agent="claude")
    (made,) = [m for m in plan.mounts if m.target == str(user.home / ".claude.json")]
    table = json.loads(made.data)
    assert made.kind is Kind.COPY
    assert table["theme"] == "dark"
    assert "primaryApiKey" not in table
    key = plan.environment["ANTHROPIC_API_KEY"]
    assert table["customApiKeyResponses"]["approved"] == [key[-20:]]


def test_workspace_is_writable_at_its_own_path(user: User) -> None:
    """The same absolute path inside, which resuming a conversation needs."""
    link = user.home / "link"
    link.symlink_to(user.workspace)
    plan = user.plan("/bin/sh", workspace=link)
    assert plan.workspace == str(user.workspace.resolve())
    assert kinds(plan)[plan.workspace] is Kind.WRITE


def test_read_wins_over_write_inside_the_workspace(user: User) -> None:
    """A folder of the workspace can be kept from changes."""
    (user.workspace / "fixed").mkdir()
    plan = user.plan("/bin/sh", read=(user.workspace / "fixed",))
    assert kinds(plan)[str(user.workspace / "fixed")] is Kind.READ


def test_git_configuration_is_read_only_unless_asked_for(user: User) -> None:
    """It names programs that git runs; so it is kept, and `--write` gives it back."""
    config = user.workspace / ".git/config"
    config.parent.mkdir()
    config.write_text("")
    assert kinds(user.plan("/bin/sh"))[str(config)] is Kind.READ
    assert kinds(user.plan("/bin/sh", write=(config,)))[str(config)] is Kind.WRITE


def test_search_path_has_only_what_is_there(user: User) -> None:
    """Folders of the host that the bottle does not show are no help to anybody."""
    plan = user.plan("/bin/sh", path=f"/usr/bin:{user.home}/bin:relative:/usr/bin")
    assert plan.environment["PATH"] == "/usr/bin"


def test_the_interpreter_is_there(user: User) -> None:
    """The launcher's Python may lie in a home folder, and is shown without its packages."""
    plan = user.plan("/bin/sh", home=Path(sys.base_prefix).parent, state=user.state)
    assert source_of(plan.python, plan.mounts) == plan.python


def test_root_seems_to_be_somebody_else(user: User) -> None:
    """Agents refuse to work as root, or do more than they should."""
    assert user.plan("/bin/sh").uid == (os.getuid() or 1000)


def test_missing_program(user: User) -> None:
    """A typo in the command is found before anything starts."""
    with pytest.raises(BottleError, match="no-such-agent: there is no such program"):
        user.plan("no-such-agent")


def test_observe_is_no_sandbox_and_says_so(user: User) -> None:
    """Every run says it; the plan has no mounts, and the environment is the user's."""
    host = {"PATH": os.defpath, "EDITOR": "vi", "OPENAI_API_KEY": "real"}
    plan = user.plan("/bin/sh", isolation=Isolation.OBSERVE, host=host)
    assert plan.mounts == ()
    assert plan.environment["EDITOR"] == "vi"
    assert "real" not in plan.environment.values()
    assert plan.environment["HTTPS_PROXY"] == f"http://127.0.0.1:{plan.port}"
    assert "nothing keeps this agent inside" in OBSERVE_WARNING


paths = st.lists(
    st.sampled_from(["..", ".", "home", "work", ".stopper", "docs", "up"]), max_size=6
).map("/".join)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(workspace=paths, read=paths, write=paths)
def test_no_way_of_asking_shows_state(workspace: str, read: str, write: str, user: User) -> None:
    """Law: a plan that is made at all hides Stopper's folder."""
    up = user.home / "up"
    if not up.is_symlink():
        up.symlink_to("..")
        (user.home / "docs").mkdir()
    try:
        plan = user.plan(
            "/bin/sh",
            workspace=user.home / workspace,
            read=(user.home / read,),
            write=(user.home / write,),
        )
    except BottleError:
        return
    assert source_of(str(user.state / "stopper.db"), plan.mounts) is None


def kinds(plan: Plan) -> dict[str, Kind]:
    """How each target comes to be."""
    return {mount.target: mount.kind for mount in plan.mounts}
