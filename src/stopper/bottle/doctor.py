"""Starts real bottles with a program in them that tries to get out, and says what held."""

import asyncio
import contextlib
import ctypes
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from stopper.bottle.plan import Launch, launcher_python, plan_bottle
from stopper.bottle.sandbox import OWN_FOLDER, Kind, Mount, Plan, arrange
from stopper.bottle.start import Bottle, start
from stopper.bottle.workspace import planted
from stopper.core.provider import Provider
from stopper.errors import BottleError

__all__ = ["ROWS", "Check", "bait", "probe", "run_checks"]

PROBE_SECONDS: Final = 60.0
MAX_ANSWER_BYTES: Final = 1 << 20
MAX_LEAKS_SHOWN: Final = 4
MAX_SOCKET_PATH: Final = 107

ROWS: Final = {
    "B01": "TCP past the egress, with every proxy variable unset",
    "B08": "services on the host's loopback",
    "B21": "the clouds' metadata services",
    "B31": "UDP and ICMP: QUIC, DNS, ping",
    "B38": "name lookups",
    "B40": "unix sockets of the host: docker, D-Bus, ssh-agent, X11, by path and abstract",
    "B41": "network interfaces beside loopback",
    "B42": "unix datagram sockets of the host",
    "B43": "sockets by io_uring",
    "B44": "vsock, packet, raw, alg and other socket families",
    "B45": "inherited descriptors",
    "B46": "typing into the user's terminal",
    "B47": "the bottle's first process as a helper with more rights",
    "B48": "a nested user namespace against the bottle's network and mounts",
    "B49": "an agent's settings file planted where there was none goes unnoticed",
    "B50": "links that lead out of the workspace",
    "B51": "files to guard that only a pattern names",
    "B52": "git hooks and configuration, changed or moved away",
    "B53": "keys, other files of the user and Stopper's own records",
    "B54": "the same files through /proc",
    "B55": "child processes and daemons past all of this",
    "B66": "any way out once the listener is closed",
    "S01": "capabilities, set-user-id programs, core dumps",
    "S02": "the kernel's keyring, bpf, perf, userfaultfd and log",
    "S03": "mounting and entering other namespaces",
    "S04": "files in /proc that command the kernel",
    "S05": "device nodes",
    "S06": "shared memory of the host",
    "S07": "real keys and desktop sockets in the environment",
    "S08": "processes of the host",
    "S09": "writing outside the workspace",
    "S10": "any socket in the tree of files",
}
"""What each check tries. `B` rows are the known ways around such sandboxes, `S` rows our own."""

_FACTS: Final[dict[str, Any]] = {
    "routes": [
        *(("1.1.1.1", 80), ("8.8.8.8", 443), ("2606:4700:4700::1111", 443)),
        *(("10.0.0.1", 80), ("172.17.0.1", 80), ("192.168.0.1", 80), ("100.64.0.1", 80)),
    ],
    "metadata": [
        *(("169.254.169.254", 80), ("169.254.170.2", 80), ("100.100.100.200", 80)),
        *(("168.63.129.16", 80), ("fd00:ec2::254", 80)),
    ],
    "datagrams": [("1.1.1.1", 443), ("8.8.8.8", 53), ("2606:4700:4700::1111", 53)],
    "names": ["example.com", "leak.attacker.example"],
    "scan": "/",
}
_SERVICES: Final = (
    *("/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock"),
    *("/run/dbus/system_bus_socket", "/run/systemd/private", "/run/nscd/socket"),
    *("/tmp/.X11-unix/X0", "\0/tmp/.X11-unix/X0", "/nix/var/nix/daemon-socket/socket"),  # noqa: S108
)
_CREDENTIALS: Final = (
    *(".aws", ".azure", ".claude/.credentials.json", ".config/gcloud", ".config/gh", ".docker"),
    *(".git-credentials", ".gnupg", ".kube", ".netrc", ".npmrc", ".password-store", ".pypirc"),
    *(".ssh", ".bash_history", ".cargo/credentials.toml", ".local/share/keyrings"),
)
_SYSTEM_SECRETS: Final = (
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/ssl/private",
    "/etc/sudoers",
    "/var/log",
    "/var/lib/docker",
)
_SYSTEM_FOLDERS: Final = ("/", "/etc", "/usr", "/usr/local/bin", "/opt", "/var", "/var/lib")
_PRIVATE_FOLDERS: Final = ("/tmp", "/var/tmp", "/run")  # noqa: S108  the bottle's own
_IPC_CREAT, _IPC_RMID, _SHM_BYTES = 0o1000, 0, 4096


class Check(Struct, frozen=True):
    """One thing that was tried: whether the limit held, None where it could not be tried."""

    id: str
    what: str
    held: bool | None
    detail: str = ""


async def run_checks(
    *, home: Path, state: Path, host: Mapping[str, str], providers: Mapping[str, Provider]
) -> list[Check]:
    """Probe a bottle without nested user namespaces, and one with them as `claude` has.

    Where no bottle starts there is one check, not held, whose detail says what to do.
    """
    leaks: dict[str, list[str]] = {}
    for agent in ("generic", "claude"):
        try:
            found = await probe(agent, home=home, state=state, host=host, providers=providers)
        except BottleError as fault:
            return [Check("start", "a bottle starts at all", held=False, detail=str(fault))]
        for row, ways in found.items():
            leaks.setdefault(row, []).extend(f"{way} [{agent}]" for way in ways)
    return [_judge(row, what, leaks.get(row)) for row, what in ROWS.items()]


async def probe(
    agent: str,
    *,
    home: Path,
    state: Path,
    host: Mapping[str, str],
    providers: Mapping[str, Provider],
    weaken: Callable[[Plan], Plan] = lambda plan: plan,
) -> dict[str, list[str]]:
    """What got out of a bottle as this kind of agent gets it, by row; raises BottleError.

    `weaken` takes a limit away, to see that the probe would find the gap.
    """
    with bait(home, state, providers) as facts:
        launch = Launch(
            command=(launcher_python(), "-I", "-S", *_inside(".py", ".json")),
            workspace=Path(facts["workspace"]),
            home=home,
            state=state,
            host={**host, **facts["keys"]},
            agent=agent,
        )
        plan = weaken(plan_bottle(launch, providers))
        facts |= {"port": plan.port, "userns": plan.userns}
        plan = _with_probe(plan, facts)
        async with asyncio.timeout(PROBE_SECONDS):
            leaks = await _run(plan)
        leaks["B49"] = [] if _is_noticed(plan) else [".claude/settings.json"]
        leaks["S09"] += [f"{path} on the host" for path in _left_behind(facts)]
        return leaks


@contextlib.contextmanager
def bait(home: Path, state: Path, providers: Mapping[str, Provider]) -> Iterator[dict[str, Any]]:
    """Lay out on the host what a probe must not reach; gives the facts that tell it where."""
    mark = f"stopper-{secrets.token_hex(6)}"
    with contextlib.ExitStack() as stack:
        folders = [_folder(stack, parent, mark) for parent in (home, Path(tempfile.gettempdir()))]
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        folders.append(_folder(stack, state, mark))
        for folder in folders:
            (folder / "secret").write_text(mark)
        yield _FACTS | {
            "mark": mark,
            "workspace": str(_workspace(folders[1] / "workspace")),
            "loopback": [_listen(stack, "127.0.0.1"), _listen(stack, "::1")],
            "unix": [*_sockets(stack, folders, mark, socket.SOCK_STREAM), *_SERVICES],
            "unix_datagram": _sockets(stack, folders, mark, socket.SOCK_DGRAM),
            "hidden": [str(folder / "secret") for folder in folders]
            + [str(home / path) for path in _CREDENTIALS]
            + [str(state), *_SYSTEM_SECRETS],
            "writes": [*_SYSTEM_FOLDERS, *_PRIVATE_FOLDERS, *map(str, (home, state, *folders))],
            "private": [*_PRIVATE_FOLDERS, str(home), str(folders[1])],
            "pid": _process(stack, mark),
            "descriptor": _inheritable(stack, folders[0] / "secret"),
            "shm_key": _shared_memory(stack),
            "keys": _keys(providers),
        }


async def _run(plan: Plan) -> dict[str, list[str]]:
    """Run the probe in a bottle; closes the listener when the probe has reached it."""
    with contextlib.ExitStack() as stack:
        go, hold = _pipe(stack)
        answer, said = _pipe(stack)
        bottle = await start(plan, (go.fileno(), said.fileno(), _null(stack)))
        said.close()
        try:
            return await _converse(bottle, answer, hold)
        finally:
            bottle.kill()
            await bottle.wait()
            bottle.listener.close()


async def _converse(bottle: Bottle, answer: Any, hold: Any) -> dict[str, list[str]]:
    reader = asyncio.StreamReader(limit=MAX_ANSWER_BYTES)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), answer
    )
    try:
        first = await reader.readline()
        bottle.listener.close()
        hold.close()
        last = await reader.readline()
    finally:
        transport.close()
    if not last:
        raise BottleError("the doctor's probe died before it could answer")
    leaks: dict[str, list[str]] = json.loads(last)
    if not json.loads(first)["reached"]:
        leaks["B66"].append("nothing, but the listener was never reached either")
    return leaks


def _judge(row: str, what: str, leaks: list[str] | None) -> Check:
    if leaks is None:
        return Check(row, what, held=None, detail="not tried")
    shown = "; ".join(leaks[:MAX_LEAKS_SHOWN])
    return Check(row, what, held=not leaks, detail=shown)


def _with_probe(plan: Plan, facts: Mapping[str, Any]) -> Plan:
    program, table = _inside(".py", ".json")
    text = files("stopper.bottle").joinpath("probe.py").read_bytes()
    mounts = [
        Mount(Kind.FILE, program, data=text),
        Mount(Kind.FILE, table, data=json.dumps(facts).encode()),
    ]
    return replace(plan, mounts=arrange([*plan.mounts, *mounts]))


def _inside(*suffixes: str) -> list[str]:
    return [f"{OWN_FOLDER}/probe{suffix}" for suffix in suffixes]


def _is_noticed(plan: Plan) -> bool:
    return f"{plan.workspace}/.claude/settings.json" in planted(plan.watched)


def _left_behind(facts: Mapping[str, Any]) -> list[str]:
    """Folders where the probe's file appeared on the host; takes it away."""
    found = [folder for folder in facts["writes"] if Path(folder, facts["mark"]).is_file()]
    for folder in found:
        Path(folder, facts["mark"]).unlink()
    return found


def _folder(stack: contextlib.ExitStack, parent: Path, mark: str) -> Path:
    folder = parent / f".{mark}"
    folder.mkdir(mode=0o700, parents=True)
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _workspace(folder: Path) -> Path:
    """A workspace with everything in it that the host would run later."""
    texts = {".git/config": "[core]\n", ".git/hooks/pre-commit": "#!/bin/sh\n", ".mcp.json": "{}"}
    texts |= {".git/modules/part/config": "[core]\n"}
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def _listen(stack: contextlib.ExitStack, address: str) -> tuple[str, int]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.suppress(OSError):  # a machine may have no IPv6
        service = stack.enter_context(socket.socket(family))
        service.bind((address, 0))
        service.listen()
        return address, service.getsockname()[1]
    return address, 1


def _sockets(
    stack: contextlib.ExitStack, folders: list[Path], mark: str, kind: socket.SocketKind
) -> list[str]:
    """Unix sockets of the host: one in each folder whose name is not too long, and an abstract."""
    name = kind.name.removeprefix("SOCK_").lower()
    paths = [f"{folder}/{name}" for folder in folders] + [f"\0{mark}-{name}"]
    paths = [path for path in paths if len(os.fsencode(path)) <= MAX_SOCKET_PATH]
    for path in paths:
        service = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
        service.bind(path)
        if kind is socket.SOCK_STREAM:
            service.listen()
    return paths


def _process(stack: contextlib.ExitStack, mark: str) -> int:
    """A process of the host that waits, with the mark in its command line."""
    waiting = [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()", mark]
    process = stack.enter_context(subprocess.Popen(waiting, stdin=subprocess.PIPE))
    return process.pid


def _inheritable(stack: contextlib.ExitStack, path: Path) -> int:
    """An open file that a careless start would hand on."""
    file = stack.enter_context(path.open("rb"))
    os.set_inheritable(file.fileno(), True)
    return file.fileno()


def _shared_memory(stack: contextlib.ExitStack) -> int:
    key = secrets.randbits(31)
    libc = ctypes.CDLL(None)
    segment = libc.shmget(key, _SHM_BYTES, _IPC_CREAT | 0o600)
    stack.callback(libc.shmctl, segment, _IPC_RMID, None)
    return key


def _keys(providers: Mapping[str, Provider]) -> dict[str, str]:
    """A key for every provider, as the host's environment might hold them."""
    return {
        name: secrets.token_hex(16) for provider in providers.values() for name in provider.key_env
    }


def _pipe(stack: contextlib.ExitStack) -> tuple[Any, Any]:
    read, write = os.pipe()
    reader, writer = os.fdopen(read, "rb", 0), os.fdopen(write, "wb", 0)
    return stack.enter_context(reader), stack.enter_context(writer)


def _null(stack: contextlib.ExitStack) -> int:
    return stack.enter_context(Path(os.devnull).open("wb")).fileno()
