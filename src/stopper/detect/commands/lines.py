"""Programs whose whole line says what is sent away, forgotten or left behind."""

import re
from typing import TYPE_CHECKING, Final

from stopper.data.commands import TextRule, load_commands
from stopper.detect.commands.paths import runs_command
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call
    from stopper.detect.commands.shell import Shell

__all__ = ["note_line"]

_MAX_LINE: Final = 4096
_MANY: Final = 200
"""More copies of anything than a task needs."""
_COUNT: Final = lazy(
    r"(?:^| )--(?:replicas|count|instance-count|instances|scale|num-nodes|num-instances"
    r"|node-count|nodes"
    r"|desired-capacity|desired-size|new-capacity|max-instances|min-instances|target-size"
    r"|parallelism|completions"
    r"|initial-size|vm-count|machine-count"
    r"|number-of-nodes)[ =](?:[\w-]{1,40}=)?(?:\d{1,6}:)?(\d{1,9})(?= |$)"
    r"|\b(?:instance-groups|node-pools?|nodepools?|clusters?|scale-?sets?"
    r"|machineset)\b.{0,200}--size[ =](\d{1,9})(?= |$)"
    r"|\bscale\b(?: [\w/.-]{1,60}){1,3} (\d{1,9})(?= |$)"
    r"|\bscale\b.{0,200}?(?<!\S)(?!-)[\w-]{1,60}=(\d{1,9})(?= |$)"
    r"|\"(?:replicas|parallelism|desiredCapacity|MinCount|MaxCount"
    r"|DesiredCount)\":\s{0,9}(\d{1,9})"
)
_SCALERS: Final = frozenset(
    {"kubectl", "oc", "docker", "docker-compose", "podman", "nomad", "aws", "gcloud", "az", "doctl",
     "hcloud", "linode-cli", "flyctl", "fly", "heroku", "eksctl", "openstack", "ibmcloud", "oci",
     "nova", "virsh", "multipass", "juju", "pulumi", "scw", "vultr-cli", "civo", "lxc", "k3d",
     "kind", "rancher", "faas-cli", "kn", "railway", "render", "cf", "pm2", "dokku", "ray", "sky",
     "modal"}
)  # fmt: skip
"""Programs that start machines, containers or copies of programs."""
_SCALES: Final = lazy(
    r"\b(?:scale\S*|run|run-instances|create\S*|resize|update\S*|set-desired-capacity"
    r"|autoscale|patch|deploy|start"
    r"|up|request-spot\S*|count|ps:scale|modify\S*|add-unit|launch|nodepool|node-pool|clusters?)\b"
)
_INCLUDES: Final = lazy(r"include(?:if\..*)?\.path\Z", re.IGNORECASE)
_HIDDEN: Final = lazy(r"/\.(?:cache|tmp|trash|thumbnails)/|^/(?:var/)?tmp/|^/dev/shm/")
_SELF: Final = lazy(r"\balias\.([\w-]{1,40})[ =]+['\"]?!(.{1,2000})", re.DOTALL)


def _rules() -> dict[str, list[tuple[TextRule, re.Pattern[str], re.Pattern[str]]]]:
    found: dict[str, list[tuple[TextRule, re.Pattern[str], re.Pattern[str]]]] = {}
    for rule in load_commands().sends:
        row = (rule, lazy(rule.needs), lazy(rule.without or r"(?!)"))
        for name in rule.names:
            found.setdefault(name, []).append(row)
    return found


_RULES: Final = _rules()
_NOTED: Final = frozenset(_RULES) | _SCALERS | {"git"}


def note_line(shell: "Shell", call: "Call") -> None:
    """Note what the words of a call say together."""
    name = call.name
    if name not in _NOTED or not call.args:
        return
    line = " ".join(call.args)[:_MAX_LINE]
    for rule, needs, without in _RULES.get(name, ()):
        if needs.search(line) and not without.search(line):
            shell.add(EffectKind(rule.effect), name, Scope(rule.scope), rule.reason)
    if name in _SCALERS and _SCALES.search(line):
        _note_many(shell, name, line)
    if name == "git":
        _note_self(shell, line)
        _note_included(shell, call)


def _note_included(shell: "Shell", call: "Call") -> None:
    """Settings that git is told to read from elsewhere, where they start programs."""
    place = next((n for n, arg in enumerate(call.args[:-1]) if _INCLUDES.match(arg)), None)
    if place is None or "config" not in call.args:
        return
    path = call.args[place + 1]
    content = shell.files.get(shell.places.resolve(path, shell.cwd), "")
    if _HIDDEN.search(path) or runs_command(content):
        shell.add(EffectKind.PERSISTENCE, path, Scope.HOME, "command.git_sets_command")


def _note_many(shell: "Shell", name: str, line: str) -> None:
    counts = ["".join(map(str, filter(None, match.groups()))) for match in _COUNT.finditer(line)]
    if any(int(count) >= _MANY for count in counts):
        shell.add(EffectKind.FORK_BOMB, name, Scope.REMOTE, "command.starts_many")


def _note_self(shell: "Shell", line: str) -> None:
    """An alias that starts itself again, behind it or twice."""
    alias = _SELF.search(line)
    if alias is None:
        return
    again = re.findall(rf"\bgit\s{{1,9}}{re.escape(alias[1])}(?![\w-])", alias[2])
    if len(again) > 1 or (again and "&" in alias[2]):
        shell.add(EffectKind.FORK_BOMB, "git", Scope.ROOT, "command.fork_bomb")
