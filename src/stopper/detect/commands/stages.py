"""Which stage a command works on: one that people live on, or one of its own that is made again."""

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.taint import is_literal
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.data.commands import Rule
    from stopper.detect.commands.call import Call
    from stopper.detect.commands.options import Options
    from stopper.detect.commands.shell import Shell

__all__ = [
    "CONTAINERS",
    "FORWARDERS",
    "is_live",
    "is_named_live",
    "is_near",
    "is_own",
    "is_played",
    "is_sandbox",
    "is_sandboxed",
    "is_tested",
    "note_forward",
    "note_rebuilt",
]

_MAX_ARGUMENTS: Final = 64
_STAGED: Final = lazy(
    r"(?:\w+_)?(?:ENV|ENVIRONMENT|STAGE|TARGET|PROFILE)|NODE_ENV|DJANGO_SETTINGS_MODULE"
)
"""Variables that name the stage."""
_PLACED: Final = lazy(r"(?:PG|MYSQL_|DB_|DATABASE_|REDIS_)?(?:HOST|URL|DATABASE)|MONGO\w*URI?")
"""Variables that name a machine or a database."""
_LIVE: Final = lazy(r"(?<![a-z])(?:prod|prd|production|live)(?![a-z])", re.IGNORECASE)
_TESTED: Final = lazy(
    r"(?<![a-z])(?:test|tests|testing|pytest|jest|dev|development|ci|local|tmp|scratch)(?![a-z])",
    re.IGNORECASE,
)
_SANDBOX: Final = lazy(
    r"(?<![a-z])(?:tests?|testing|dev|development|ci|it|e2e|tmp|local|localhost|sandbox|scratch|previews?|playground)(?![a-z])",
    re.IGNORECASE,
)
_PASSING: Final = lazy(r"(?<![a-z])(?:tests?|ci|e2e|tmp|scratch|previews?)(?![a-z])", re.IGNORECASE)
"""Of these nobody works in one for long."""
_SHARED: Final = lazy(
    r"(?<![a-z])(?:prod|prd|production|live|stag(?:e|ing)|stg|uat|shared|main)(?![a-z])",
    re.IGNORECASE,
)
CONTAINERS: Final = frozenset({"docker", "podman", "nerdctl"})
_COMPOSERS: Final = frozenset({"docker-compose", "podman-compose"})
_CLUSTERS: Final = frozenset({"kubectl", "oc", "k", "kubecolor", "microk8s.kubectl"})
_REMOVALS: Final = frozenset({"command.deletes_volumes", "command.removes_all_containers"})
_APPLIED: Final = ("-s", "--stack", "-var-file", "-chdir", "--terragrunt-working-dir")
"""Options that name the stage to which a plan is applied."""
_CHANGES: Final = frozenset({"delete", "scale"})
_CLUSTER_WIDE: Final = lazy(
    r"(?:ns|namespaces?|nodes?|no|pv|persistentvolumes?|crds?|customresourcedefinitions?"
    r"|clusterrole(?:binding)?s?|storageclass(?:es)?|sc|apiservices?|\w+webhookconfigurations?)"
    r"(?:[./].*)?\Z",
    re.IGNORECASE,
)
"""What no namespace holds."""
_MACHINES: Final = ("DOCKER_HOST", "DOCKER_CONTEXT", "KUBECONFIG")
_LOCALS: Final = frozenset({"tflocal", "awslocal", "cdklocal", "samlocal", "pulumilocal"})
"""Programs that only talk to a cloud that is played on this machine."""
_ENDPOINT: Final = lazy(r"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?/?")
_HERE: Final = lazy(r"(?:^|[/@=])(?:localhost|127\.0\.0\.1|\[::1\])(?=$|[:/?,])")
_ELSEWHERE: Final = lazy(
    r"(?:^|@|//)(?!localhost\b|127\.0\.0\.1\b)(?:[a-z][\w-]*\.)+(?:com|net|org|io|internal|local"
    r"|cloud|dev|app)\b|(?:^|@|//)(?!127\.)\d{1,3}(?:\.\d{1,3}){3}\b",
    re.IGNORECASE,
)
_TUNNELS: Final = frozenset({"ssh", "autossh", "cloud_sql_proxy", "cloud-sql-proxy", "gcloud"})
_FORWARD: Final = lazy(
    r"-[A-Za-z]{0,12}L|LocalForward|-instances|[\w-]{1,60}:[\w-]{1,60}:[\w-]{1,60}$"
    r"|start-iap-tunnel"
)
_LEADS: Final = frozenset({"port-forward", "proxy"})
FORWARDERS: Final = _TUNNELS | _CLUSTERS | {"socat"}
"""Programs that may lead a port of this machine to another one."""
_LISTENS: Final = lazy(r"TCP\w{0,2}-L(?:ISTEN)?:", re.IGNORECASE)
_OWN_PORT: Final = lazy(r"(?!6379$)\d{4,5}")
_TASKS: Final = frozenset(
    {"mix", "rails", "rake", "bundle", "artisan", "manage.py", "django-admin", "sequelize", "knex",
     "sequelize-cli", "prisma", "typeorm", "console", "alembic", "flask", "dbmate", "diesel",
     "hanami", "doctrine", "drizzle-kit", "mikro-orm", "migrate", "goose", "sqlx", "php", "npx",
     "npm", "yarn", "pnpm", "ruby", "python", "dbt", "flyway", "liquibase"}
)  # fmt: skip
"""Programs that find their database by the stage."""
_HOSTS: Final = frozenset({"-h", "--host", "-H", "--hostname", "--server", "-S"})
_STAGES: Final = frozenset(
    {"-e", "--env", "--environment", "--target", "-t", "--stage", "--profile", "--settings",
     "--context", "-c", "--config", "--env-name", "-environment"}
)  # fmt: skip
_REBUILDS: Final = lazy(
    r"(?:^|[.:_/-])(?:reset|drop|fresh|refresh|rollback|undo|revert|downgrade|down|redo|seed"
    r"|flush|wipe|truncate|purge|clean|load|replant|fixtures)(?=$|[.:_,-])"
)
_LAYERS: Final = lazy(
    r"(?:^|[.:_/-])(?:db|database|ecto|schema|migrat\w*|orm|seeds?|sql|fixtures|dbt|tables?)(?=$|[.:_,-])"
)


def is_live(shell: "Shell", call: "Call") -> bool:
    """Whether a call says that it works on what people live on."""
    return any(map(_LIVE.search, _stages(shell, call)))


def is_named_live(name: str) -> bool:
    """Whether a name says that people live on what it names."""
    return _LIVE.search(name) is not None


def is_tested(name: str) -> bool:
    """Whether a name says that what it names is for tests, or for one who develops."""
    return _TESTED.search(name) is not None and _LIVE.search(name) is None


def is_own(shell: "Shell", call: "Call") -> bool:
    """Whether a call works on a database of its own: for tests, and on this machine.

    What names no stage is not, nor is what names another machine or a stage that people live on.
    """
    args, places, stages = _named(shell, call)
    if not is_near(shell, call):
        return False
    if call.name in _LOCALS:
        return True
    if call.name in _TASKS:
        here = [place.rpartition("/")[2] for place in places if _HERE.search(place)]
        return any(map(_TESTED.search, [*stages, *here]))
    if shell.in_sandbox:
        return True
    if call.name.endswith("-cli") and "6379" not in args:
        ports = [value for name, value in pairwise(args) if name == "-p"]
        return any(map(_OWN_PORT.fullmatch, ports))
    plain = [arg for arg in [*args, *places] if len(arg) < _MAX_ARGUMENTS and " " not in arg]
    return any(map(_TESTED.search, plain)) and shell.places.workspace != ""


def is_near(shell: "Shell", call: "Call") -> bool:
    """Whether nothing says that a call works on another machine, or on what people live on."""
    args, places, stages = _named(shell, call)
    if any(map(_LIVE.search, [*args, *stages, *places])) or not all(map(is_literal, places)):
        return False
    if shell.forwards or any(map(_ELSEWHERE.search, [*args, *places])):
        return False
    if call.name in _TASKS:
        return True
    hosts = [value for name, value in pairwise(args) if name in _HOSTS]
    return all(_HERE.search(host) or host[:1] == "/" for host in hosts)


def _named(shell: "Shell", call: "Call") -> tuple[list[str], list[str], list[str]]:
    """The arguments of a call, the machines and databases that variables name, and the stages."""
    places = [value for name, value in shell.given.items() if _PLACED.fullmatch(name)]
    return call.args[:_MAX_ARGUMENTS], places, _stages(shell, call)


def note_forward(shell: "Shell", call: "Call") -> None:
    """Keep that a port of this machine leads to another one from here on."""
    options = call.args[:_MAX_ARGUMENTS]
    if call.name in _TUNNELS:
        shell.forwards = shell.forwards or any(map(_FORWARD.match, options))
    elif call.name in _CLUSTERS and not _LEADS.isdisjoint(options):
        shell.forwards = True
    else:
        shell.forwards = shell.forwards or any(map(_LISTENS.match, options))


def is_played(shell: "Shell", call: "Call") -> bool:
    """Whether a call talks to a cloud that is played on this machine, by the endpoint it names."""
    if call.name not in {"aws", "awslocal"} or shell.forwards:
        return False
    if any(map(_SHARED.search, call.args)):
        return False
    args = [word for arg in call.args for word in arg.split("=", 1)]
    ends = [value for name, value in pairwise(args) if name == "--endpoint-url"]
    ends = ends or [
        value for name, value in shell.given.items() if name.startswith("AWS_ENDPOINT_URL")
    ]
    here = bool(shell.places.workspace) and all(map(_ENDPOINT.fullmatch, ends))
    return here and (bool(ends) or call.name == "awslocal")


def is_sandbox(name: str) -> bool:
    """Whether a name, as far as it is known, says that what it names may be made again at will."""
    return _SANDBOX.search(name) is not None and _SHARED.search(name) is None


def is_sandboxed(shell: "Shell", call: "Call", options: "Options", rule: "Rule", rest: int) -> bool:
    """Whether containers, volumes or what a namespace holds are one's own, by their names.

    The words from `rest` on stand behind the verb of the rule.
    """
    targets = options.operands[rest:]
    machines = options.all_values("-H", "--host", "--context", "--kubeconfig", "--cluster", "-s")
    machines += options.all_values("--kube-context")
    machines += [shell.given[name] for name in _MACHINES if name in shell.given]
    if not all(map(is_sandbox, machines)):
        return False
    if call.name in _CLUSTERS and targets[:1] in (["ns"], ["namespace"], ["namespaces"]):
        names = targets[1:] if rule.verb in _CHANGES else []
        return bool(names) and all(
            _PASSING.search(name) and _SHARED.search(name) is None for name in names
        )
    if call.name in _CLUSTERS:
        wide = options.has("-A", "--all-namespaces") or any(map(_CLUSTER_WIDE.match, targets))
        names = options.all_values("-n", "--namespace")
        return rule.verb in _CHANGES and not wide and bool(names) and all(map(is_sandbox, names))
    if call.name == "helm":
        names = options.all_values("-n", "--namespace")
        return bool(names) and all(map(is_sandbox, names))
    if rule.reason == "command.applies_unattended":
        stages = options.all_values(*_APPLIED)
        return bool(stages) and all(map(is_sandbox, stages))
    if rule.reason not in _REMOVALS:
        return False
    if call.name in _COMPOSERS or (call.name in CONTAINERS and rule.verb.startswith("compose ")):
        files = options.all_values("-f", "--file")
        names = options.all_values("-p", "--project-name") or files
        return any(map(is_sandbox, names)) and not any(map(_SHARED.search, [*names, *files]))
    return call.name in CONTAINERS and bool(targets) and all(map(is_sandbox, targets))


def note_rebuilt(shell: "Shell", call: "Call") -> None:
    """A task that takes a database back or fills it anew, where people live on it."""
    args = [arg for arg in call.args[:_MAX_ARGUMENTS] if len(arg) < _MAX_ARGUMENTS]
    tasks = [arg for arg in args if _REBUILDS.search(arg)]
    layered = call.name in _TASKS or any(map(_LAYERS.search, args))
    if ((tasks and layered) or "--full-refresh" in args) and is_live(shell, call):
        target = (tasks or args)[0]
        shell.add(EffectKind.DATABASE, target, Scope.REMOTE, "command.database_destroys")


def _stages(shell: "Shell", call: "Call") -> list[str]:
    args = call.args[:_MAX_ARGUMENTS]
    found = [value for name, value in shell.given.items() if _STAGED.fullmatch(name)]
    found += [value for name, value in pairwise(args) if name in _STAGES]
    found += [
        value
        for name, equals, value in (arg.partition("=") for arg in args)
        if equals and (name in _STAGES or _STAGED.fullmatch(name))
    ]
    return found
