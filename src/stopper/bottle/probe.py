"""Runs inside a bottle and tries to get out of it; `doctor.py` runs it and reads what it says.

Run by `python -I -S`, so only the standard library and nothing of Stopper. Its argument is a JSON
file of facts: what to try, and what the host has laid out for it. Each check gives the ways out
that worked, so an empty list means that the limit held. It prints whether it reaches the listener,
waits for its standard input to end (by then the host has closed the listener), and prints the rest.
"""

import ctypes
import errno
import fcntl
import json
import os
import pty
import resource
import socket
import stat
import struct
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

Facts = dict[str, Any]
Leaks = list[str]

CONNECT_SECONDS: Final = 2.0
MAX_SCANNED: Final = 400_000
MAX_PROCESSES: Final = 8

_CALLS: Final = {
    # name             x86_64 aarch64
    "io_uring_setup":    (425, 425),
    "bpf":               (321, 280),
    "userfaultfd":       (323, 282),
    "perf_event_open":   (298, 241),
    "add_key":           (248, 217),
    "keyctl":            (250, 219),
    "syslog":            (103, 116),
    "socket":            (41, 198),
    "ioctl":             (16, 29),
}  # fmt: skip
_CLONE_NEWUSER, _CLONE_NEWNS, _CLONE_NEWNET = 0x10000000, 0x20000, 0x40000000
_CLONE_NEWPID = 0x20000000
_MS_REMOUNT, _MS_BIND, _MNT_DETACH = 32, 4096, 2
_TIOCSTI, _SIOCSIFFLAGS = 0x5412, 0x8914
_HIGH_BIT = 1 << 32

_FAMILIES = {"AF_PACKET": 17, "AF_ALG": 38, "AF_VSOCK": 40, "AF_BLUETOOTH": 31, "AF_XDP": 44}
_FAMILIES |= {"AF_RDS": 21, "AF_CAN": 29, "AF_TIPC": 30, "AF_KEY": 15, "AF_QIPCRTR": 42}
_NETLINKS = {"NETLINK_NETFILTER": 12, "NETLINK_XFRM": 6, "NETLINK_KOBJECT_UEVENT": 15}
_DEVICES = {"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx", "pts", "shm"}
_DEVICES |= {"core", "fd", "stdin", "stdout", "stderr", "mqueue"}
_POWERFUL = (
    *("sys/kernel/core_pattern", "sys/kernel/modprobe", "sys/kernel/hotplug", "acpi/wakeup"),
    *("sys/vm/drop_caches", "sys/fs/binfmt_misc/register", "sysrq-trigger"),
)
_DESKTOP = ("SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "XDG_RUNTIME_DIR")


def main() -> None:
    """Run every check, one after the other, and print what got out."""
    facts: Facts = json.loads(Path(sys.argv[1]).read_bytes())
    results = {name: _run(check, facts) for name, check in CHECKS.items()}
    way_out = ("127.0.0.1", facts["port"])
    _say({"reached": _connects(*way_out)})
    sys.stdin.read()
    results["B66"] = ["the closed listener"] if _connects(*way_out) else []
    _say(results)


# -- routes


def routes(facts: Facts) -> Leaks:
    """TCP straight to public and private addresses, as if no proxy variable were set."""
    return [f"{host}:{port}" for host, port in facts["routes"] if _connects(host, port)]


def host_loopback(facts: Facts) -> Leaks:
    """Services on the host's loopback, which NO_PROXY lets clients reach directly."""
    return [f"{host}:{port}" for host, port in facts["loopback"] if _connects(host, port)]


def metadata(facts: Facts) -> Leaks:
    """The clouds' metadata services."""
    return [f"{host}:{port}" for host, port in facts["metadata"] if _connects(host, port)]


def datagrams(facts: Facts) -> Leaks:
    """UDP (QUIC, DNS) and ICMP: what can be sent at all has got out."""
    leaks = []
    for host, port in facts["datagrams"]:
        six = ":" in host
        family = socket.AF_INET6 if six else socket.AF_INET
        for protocol in (socket.IPPROTO_UDP, socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP):
            with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM, protocol) as sender:
                sender.sendto(b"\x08\0\0\0\0\0\0\0", (host, port))
                leaks.append(f"{host}:{port} by protocol {protocol}")
    return leaks


def names(facts: Facts) -> Leaks:
    """Name lookups: what resolves has told somebody the name."""
    leaks = []
    for name in facts["names"]:
        with suppress(OSError):
            leaks.append(f"{name} is {socket.getaddrinfo(name, 80)[0][4][0]}")
    return leaks


def interfaces(_: Facts) -> Leaks:
    """Network interfaces beside loopback."""
    return [name for _, name in socket.if_nameindex() if name != "lo"]


# -- sockets and descriptors


def unix_streams(facts: Facts) -> Leaks:
    """Unix sockets of the host, by path and abstract."""
    leaks = []
    for path in facts["unix"]:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            leaks.append(path.replace("\0", "@"))
    return leaks


def unix_datagrams(facts: Facts) -> Leaks:
    """The same by a datagram, which needs no connection."""
    leaks = []
    for path in facts["unix_datagram"]:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x", path)
            leaks.append(path.replace("\0", "@"))
    return leaks


def socket_files(facts: Facts) -> Leaks:
    """Any socket in the whole tree of files, the workspace and the kernel's folders left out."""
    entries = _walk(facts["scan"], {facts["workspace"], "/proc", "/dev"})
    return [entry.path for entry in entries if _is_socket(entry)]


def families(_: Facts) -> Leaks:
    """Socket families that no network namespace holds, or that are too much kernel for nothing."""
    leaks = [name for name, family in _FAMILIES.items() if _opens(family, socket.SOCK_DGRAM)]
    leaks += [
        f"{name} raw" for name, family in _FAMILIES.items() if _opens(family, socket.SOCK_RAW)
    ]
    leaks += ["AF_VSOCK stream"] if _opens(_FAMILIES["AF_VSOCK"], socket.SOCK_STREAM) else []
    high = _syscall("socket", _FAMILIES["AF_VSOCK"] | _HIGH_BIT, socket.SOCK_STREAM, 0)
    leaks += ["AF_VSOCK with a high bit"] if high >= 0 else []
    for name, protocol in _NETLINKS.items():
        leaks += [name] if _opens(socket.AF_NETLINK, socket.SOCK_RAW, protocol) else []
    leaks += ["raw IP"] if _opens(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) else []
    return leaks


def io_uring(_: Facts) -> Leaks:
    """A ring opens sockets where no filter sees it."""
    ring = _syscall("io_uring_setup", 1, ctypes.create_string_buffer(256))
    return ["io_uring_setup"] if ring >= 0 else []


def descriptors(_: Facts) -> Leaks:
    """Descriptors that came along with 0, 1 and 2."""
    leaks = []
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one that lists the folder is closed by now
            leaks += [f"{path.name} is {path.readlink()}"] if int(path.name) > 2 else []  # noqa: PLR2004
    return [leak for leak in leaks if f"/proc/{os.getpid()}/fd" not in leak]


def terminal_input(_: Facts) -> Leaks:
    """Typing into a terminal as if the user did, and the user's terminal itself."""
    return _in_child(_type_into_terminal)


def _type_into_terminal() -> Leaks:
    leaks = []
    with suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        leaks.append("a terminal of the host")
    os.setsid()
    _, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    with suppress(OSError):
        fcntl.ioctl(slave, _TIOCSTI, b"x")
        leaks.append("TIOCSTI")
    if _syscall("ioctl", slave, _TIOCSTI | _HIGH_BIT, ctypes.c_char_p(b"x")) >= 0:
        leaks.append("TIOCSTI with a high bit")
    return leaks


# -- processes and the kernel


def first_process(_: Facts) -> Leaks:
    """The one process that is not the agent's must hold nothing that the agent does not."""
    status = _status(1)
    leaks = [f"process 1 has {name}" for name in ("CapEff", "CapPrm") if int(status[name], 16)]
    leaks += [] if status["Seccomp"] == "2" else ["process 1 has no system call filter"]
    with suppress(OSError):
        links = [str(path.readlink()) for path in Path("/proc/1/fd").iterdir()]
        leaks += [f"process 1 holds {link}" for link in links if link.startswith("socket:")]
    return leaks


def host_processes(facts: Facts) -> Leaks:
    """The host's processes, seen or signalled."""
    leaks = []
    with suppress(OSError):
        command = Path(f"/proc/{facts['pid']}/cmdline").read_text()
        leaks += ["a process of the host"] if facts["mark"] in command else []
    seen = [path for path in Path("/proc").iterdir() if path.name.isdigit()]
    leaks += [f"{len(seen)} processes"] if len(seen) > MAX_PROCESSES else []
    return leaks


def children(facts: Facts) -> Leaks:
    """A daemon that the agent leaves behind is as limited as the agent."""
    return _in_child(lambda: _in_child(lambda: _as_daemon(facts)))


def _as_daemon(facts: Facts) -> Leaks:
    os.setsid()
    return [*routes(facts), *host_loopback(facts), *unix_streams(facts)]


def privileges(facts: Facts) -> Leaks:
    """Capabilities, and ways to get some: set-user-id programs, crashes handled by the host."""
    status = _status(os.getpid())
    leaks = [name for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb") if int(status[name], 16)]
    leaks += [] if status["NoNewPrivs"] == "1" else ["set-user-id programs"]
    leaks += [] if status["Seccomp"] == "2" else ["no system call filter"]
    leaks += [] if resource.getrlimit(resource.RLIMIT_CORE)[0] in (0, 1) else ["core dumps"]
    return leaks + _set_user_id(Path(facts["workspace"]))


def _set_user_id(folder: Path) -> Leaks:
    """Programs in the workspace that would run as whoever started the bottle, for anybody."""
    leaks = []
    path = folder / "set-id"
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o4755))
        leaks += ["creates set-user-id programs"] if path.stat().st_mode & 0o6000 else []
    for mode in (0o4755, 0o2755):
        with suppress(OSError):
            path.touch(0o755)
            path.chmod(mode)
            leaks.append(f"changes a mode to {mode:o}")
    return leaks


def kernel_doors(_: Facts) -> Leaks:
    """Kernel interfaces with a bad record: the keyring, bpf, perf, userfaultfd, the log."""
    room = ctypes.create_string_buffer(256)
    kind, name = ctypes.c_char_p(b"user"), ctypes.c_char_p(b"stopper-probe")
    attempts: dict[str, tuple[Any, ...]] = {
        "bpf": (0, room, 128),
        "userfaultfd": (1,),
        "perf_event_open": (room, 0, -1, -1, 0),
        "add_key": (kind, name, ctypes.c_char_p(b"x"), 1, -2),
        "keyctl": (0, -3, 1),
        "syslog": (3, room, 255),
    }
    return [call for call, values in attempts.items() if not _is_refused(call, *values)]


def nested_namespaces(facts: Facts) -> Leaks:
    """A user namespace of the agent's own gives no rights over the bottle's network and mounts."""
    return _in_child(lambda: _attack_from_namespace(facts))


def _attack_from_namespace(facts: Facts) -> Leaks:
    uid, gid = os.getuid(), os.getgid()
    if _libc().unshare(_CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWPID) != 0:
        return []
    if not facts["userns"]:
        return ["nested user namespaces"]
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    leaks = []
    with suppress(OSError), socket.socket() as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", 0))
        leaks.append("commands to the network interface")
    leaks += ["raw IP"] if _opens(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) else []
    program = Path(facts["workspace"], "capable")
    program.touch()
    wanted = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)  # CAP_NET_RAW
    name = b"security.capability"
    done = _libc().setxattr(bytes(program), name, wanted, len(wanted), 0) == 0
    leaks += ["programs with capabilities on the host"] if done else []
    git = f"{facts['workspace']}/.git"
    for path in ("/etc/passwd", "/tmp", "/proc", git, f"{git}/hooks"):  # noqa: S108
        leaks += [f"unmounts {path}"] if _libc().umount2(path.encode(), _MNT_DETACH) == 0 else []
    for path in ("/etc", "/usr", f"{git}/config"):
        flags = _MS_REMOUNT | _MS_BIND
        done = _libc().mount(None, path.encode(), None, flags, None) == 0
        leaks += [f"makes {path} writable"] if done else []
    return leaks + _in_child(lambda: _command_by_new_proc(facts["workspace"]))


def _command_by_new_proc(folder: str) -> Leaks:
    """A /proc of its own has no covers: no such mount, or one that commands nothing."""
    if _libc().mount(b"proc", folder.encode(), b"proc", 0, None) != 0:
        return []
    with suppress(OSError):
        os.close(os.open(f"{folder}/sys/kernel/core_pattern", os.O_WRONLY))
        return ["a /proc of its own that commands the kernel"]
    return []


def mounting(_: Facts) -> Leaks:
    """Mounting, and entering other namespaces, with what rights there are."""
    return _in_child(_mount_something)


def _mount_something() -> Leaks:
    leaks = []
    if _libc().mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None) == 0:
        leaks.append("mount")
    if _libc().umount2(b"/etc/passwd", _MNT_DETACH) == 0:
        leaks.append("umount")
    with suppress(OSError):
        namespace = os.open("/proc/1/ns/net", os.O_RDONLY)
        leaks += ["setns"] if _libc().setns(namespace, _CLONE_NEWNET) == 0 else []
    leaks += ["chroot"] if _libc().chroot(b"/tmp") == 0 else []
    return leaks


def commands_to_kernel(_: Facts) -> Leaks:
    """Files in /proc that command the kernel; some ask for root's number and nothing more."""
    leaks = []
    for name in _POWERFUL:
        with suppress(OSError):
            os.close(os.open(f"/proc/{name}", os.O_WRONLY))
            leaks.append(f"/proc/{name}")
    return leaks


def devices(_: Facts) -> Leaks:
    """Device nodes beside the harmless ones."""
    leaks = [path.name for path in Path("/dev").iterdir() if path.name not in _DEVICES]
    with suppress(OSError):
        os.mknod("/tmp/stopper-probe-device", stat.S_IFBLK | 0o600, os.makedev(8, 0))  # noqa: S108
        leaks.append("mknod")
    return leaks


def shared_memory(facts: Facts) -> Leaks:
    """System V shared memory of the host."""
    return ["shmget"] if _libc().shmget(facts["shm_key"], 0, 0) >= 0 else []


def environment(facts: Facts) -> Leaks:
    """Real keys in the environment of any process that can be seen, and the desktop's sockets."""
    leaks = [name for name in _DESKTOP if name in os.environ]
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            text = path.read_bytes().decode(errors="replace")
            leaks += [f"{name} in {path}" for name, key in facts["keys"].items() if key in text]
    return leaks


# -- files


def hidden_files(facts: Facts) -> Leaks:
    """Files of the host that must not be there: keys, Stopper's own records, other folders."""
    return [path for path in facts["hidden"] if _shows(path)]


def symlinks(facts: Facts) -> Leaks:
    """The same by links in the workspace that lead out of it."""
    leaks = []
    for number, path in enumerate(facts["hidden"]):
        link = Path(facts["workspace"], f"link-{number}")
        link.symlink_to(path)
        leaks += [f"link to {path}"] if _shows(str(link)) else []
        link.unlink()
    return leaks


def pivots(facts: Facts) -> Leaks:
    """The same by way of /proc."""
    roots = ("/proc/self/root", "/proc/1/root", "/proc/1/cwd", "/proc/self/cwd" + "/.." * 16)
    return [root + path for root in roots for path in facts["hidden"] if _shows(root + path)]


def writes(facts: Facts) -> Leaks:
    """Writing where the host would see it; the host looks for what was left in private folders."""
    leaks = []
    for folder in facts["writes"]:
        with suppress(OSError):
            Path(folder, facts["mark"]).write_text("x")
            leaks += [] if folder in facts["private"] else [folder]
    return leaks


def later_execution(facts: Facts) -> Leaks:
    """Files that the host runs later: changed, or moved away with their folder."""
    return _tampers(facts, (".git/hooks/pre-commit", ".git/config", ".mcp.json"), (".git",))


def globbed(facts: Facts) -> Leaks:
    """The same for files that a pattern names."""
    return _tampers(facts, (".git/modules/part/config",), (".git/modules", ".git/modules/part"))


def plant(facts: Facts) -> Leaks:
    """Create a settings file with hooks where there was none: the host must notice."""
    folder = Path(facts["workspace"], ".claude")
    folder.mkdir(exist_ok=True)
    (folder / "settings.json").write_text("{}")
    return []


CHECKS: Final[dict[str, Callable[[Facts], Leaks]]] = {
    "B01": routes,
    "B08": host_loopback,
    "B21": metadata,
    "B31": datagrams,
    "B38": names,
    "B40": unix_streams,
    "B41": interfaces,
    "B42": unix_datagrams,
    "B43": io_uring,
    "B44": families,
    "B45": descriptors,
    "B46": terminal_input,
    "B47": first_process,
    "B48": nested_namespaces,
    "B49": plant,
    "B50": symlinks,
    "B51": globbed,
    "B52": later_execution,
    "B53": hidden_files,
    "B54": pivots,
    "B55": children,
    "S01": privileges,
    "S02": kernel_doors,
    "S03": mounting,
    "S04": commands_to_kernel,
    "S05": devices,
    "S06": shared_memory,
    "S07": environment,
    "S08": host_processes,
    "S09": writes,
    "S10": socket_files,
}


# -- tools


def _run(check: Callable[[Facts], Leaks], facts: Facts) -> Leaks:
    try:
        return check(facts)
    except Exception as fault:  # noqa: BLE001  a check that fails is no proof, and hides no other
        return [f"the check itself failed: {type(fault).__name__}: {fault}"]


def _say(value: Any) -> None:
    print(json.dumps(value), flush=True)  # noqa: T201  this is how it answers


def _connects(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with suppress(OSError), socket.socket(family) as client:
        client.settimeout(CONNECT_SECONDS)
        client.connect((host, port))
        return True
    return False


def _opens(family: int, kind: int, protocol: int = 0) -> bool:
    with suppress(OSError), socket.socket(family, kind, protocol):
        return True
    return False


def _shows(path: str) -> bool:
    """Whether anything can be read there; an empty folder shows nothing."""
    with suppress(OSError):
        return any(Path(path).iterdir()) if Path(path).is_dir() else bool(Path(path).read_bytes())
    return False


def _tampers(facts: Facts, files: tuple[str, ...], folders: tuple[str, ...]) -> Leaks:
    leaks = []
    root = Path(facts["workspace"])
    for name in files:
        with suppress(OSError), (root / name).open("ab") as file:
            file.write(b"#")
            leaks.append(f"writes {name}")
    for name in (*files, *folders):
        with suppress(OSError):
            (root / name).rename(root / "aside")
            leaks.append(f"moves {name} away")
            (root / "aside").rename(root / name)
    return leaks


def _walk(root: str, left_out: set[str]) -> Iterator["os.DirEntry[str]"]:
    """All entries below `root`, at most MAX_SCANNED."""
    folders, seen = [root], 0
    while folders and seen < MAX_SCANNED:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                seen += 1
                yield entry
                if entry.is_dir(follow_symlinks=False) and entry.path not in left_out:
                    folders.append(entry.path)


def _is_socket(entry: "os.DirEntry[str]") -> bool:
    plain = entry.is_symlink() or entry.is_dir() or entry.is_file()
    return not plain and stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode)


def _in_child(attempt: Callable[[], Leaks]) -> Leaks:
    """Try in a process of its own, because the attempt changes the process that makes it."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, json.dumps(_run(lambda _: attempt(), {})).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        leaks: Leaks = json.loads(answer.read() or b'["the attempt died"]')
    os.waitpid(child, 0)
    return leaks


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _is_refused(call: str, *values: Any) -> bool:
    return _syscall(call, *values) < 0 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS)


def _syscall(name: str, *values: Any) -> int:
    number = _CALLS[name][os.uname().machine == "aarch64"]
    words = [ctypes.c_long(value) if isinstance(value, int) else value for value in values]
    result: int = _libc().syscall(ctypes.c_long(number), *words)
    return result


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


if __name__ == "__main__":
    main()
