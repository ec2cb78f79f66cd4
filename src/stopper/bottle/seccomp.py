"""The system call filter of every bottle, assembled as classic BPF for x86_64 and aarch64.

A denylist, because an agent runs any program: what is left out is what reaches past the
namespaces (`AF_VSOCK` has none, io_uring opens sockets behind a filter's back, the keyring is
per user), what types into a terminal, and kernel doors with a bad record and no use here.

- Socket families are an allowlist: unix, inet, inet6, and netlink for routes only
  (`getifaddrs`, nested bubblewrap); so no vsock, packet, alg, bluetooth, xdp, nf_tables.
- No file gets a set-user-id or set-group-id bit: it would be one on the host, owned by whoever
  started the bottle. Nor an extended attribute: in a nested user namespace of a bottle that root
  started, the kernel lets `security.capability` be written as the host's root would.
- `ptrace` stays: debuggers are an agent's tools, and all that they can reach in the bottle's
  process namespace has the same filter and no more rights. Since Linux 4.8 the filter is asked
  after the tracer, so tracing does not get around it.
- `mount` and `unshare` stay, for agents with a sandbox of their own; without a nested user
  namespace nobody in the bottle has the capability that they need.
"""

import errno
import struct

from stopper.errors import BottleError

__all__ = ["seccomp_filter"]

_DENIED = {
    # name               x86_64 aarch64
    "io_uring_setup":    (425, 425),
    "io_uring_enter":    (426, 426),
    "io_uring_register": (427, 427),
    "bpf":               (321, 280),
    "userfaultfd":       (323, 282),
    "perf_event_open":   (298, 241),
    "add_key":           (248, 217),
    "request_key":       (249, 218),
    "keyctl":            (250, 219),
    "kexec_load":        (246, 104),
    "kexec_file_load":   (320, 294),
    "init_module":       (175, 105),
    "finit_module":      (313, 273),
    "delete_module":     (176, 106),
    "open_by_handle_at": (304, 265),
    "pidfd_getfd":       (438, 438),
    "syslog":            (103, 116),
}  # fmt: skip

_UNSUPPORTED = {
    # name               x86_64 aarch64
    "setxattr":          (188, 5),
    "lsetxattr":         (189, 6),
    "fsetxattr":         (190, 7),
    "setxattrat":        (463, 463),
}  # fmt: skip

_MODES = {
    # name            x86_64 aarch64  which argument is the mode
    "chmod":         ((90,   None),   1),
    "fchmod":        ((91,   52),     1),
    "fchmodat":      ((268,  53),     2),
    "fchmodat2":     ((452,  452),    2),
    "creat":         ((85,   None),   1),
    "mknod":         ((133,  None),   1),
    "mknodat":       ((259,  33),     2),
}  # fmt: skip
_MODES_OF_NEW = {
    # name            x86_64 aarch64  flags and mode; the mode counts only for a new file
    "open":          ((2,    None),   1, 2),
    "openat":        ((257,  56),     2, 3),
}  # fmt: skip
_OPENAT2 = (437, 437)  # takes its mode where a filter cannot read it
_SETS_ID = 0o6000
_CREATES = 0o20000100  # O_CREAT, and what O_TMPFILE adds to O_DIRECTORY

_SOCKET = (41, 198)
_SOCKETPAIR = (53, 199)
_IOCTL = (16, 29)
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6
_AF_NETLINK = 16
_NETLINK_ROUTE = 0
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
_X32 = 0x40000000
_SKIPPED = 0xFFFFFFFF  # the number that a debugger leaves where it skips a call

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _ARGS_AT = 0, 4, 16
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000

_Instruction = tuple[int, int, int, int]


def seccomp_filter(machine: str) -> bytes:
    """The filter for `platform.machine()`, as the array of `sock_filter` that bubblewrap reads.

    Calls of another architecture, and x32 calls on x86_64, kill the process: their numbers mean
    other things. Raises BottleError for a machine whose call numbers are not known here.
    """
    if machine not in _MACHINES:
        raise BottleError(f"no system call filter for {machine}: bottles need x86_64 or aarch64")
    column, arch = _MACHINES[machine]
    program = [(_LOAD, 0, 0, _ARCH_AT), *_unless(arch, _KILL), (_LOAD, 0, 0, _NUMBER_AT)]
    if machine == "x86_64":
        program += [(_AT_LEAST, 0, 2, _X32), (_EQUAL, 1, 0, _SKIPPED), (_RETURN, 0, 0, _KILL)]
    for numbers in _DENIED.values():
        program += _when(numbers[column], [(_RETURN, 0, 0, _ERRNO | errno.EPERM)])
    for numbers in _UNSUPPORTED.values():
        program += _when(numbers[column], [(_RETURN, 0, 0, _ERRNO | errno.ENOTSUP)])
    program += _when(_OPENAT2[column], [(_RETURN, 0, 0, _ERRNO | errno.ENOSYS)])
    for calls, mode in _MODES.values():
        program += _when(calls[column], _check_mode(mode))
    for calls, flags, mode in _MODES_OF_NEW.values():
        program += _when(calls[column], _check_new_mode(flags, mode))
    program += _when(_IOCTL[column], _check_ioctl())
    program += _when(_SOCKET[column], _check_family())
    program += _when(_SOCKETPAIR[column], _check_family())
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _when(value: int | None, body: list[_Instruction]) -> list[_Instruction]:
    """Run `body`, which returns, if the loaded word is `value`; None is a call without a number."""
    if value is None:
        return []
    return [(_EQUAL, 0, len(body), value), *body]


def _unless(value: int, verdict: int) -> list[_Instruction]:
    return [(_EQUAL, 1, 0, value), (_RETURN, 0, 0, verdict)]


def _argument(index: int) -> _Instruction:
    """Load an argument's low 32 bits.

    The kernel reads a family or an ioctl request as 32 bits; a filter that compared all 64 would
    let the same request pass with a bit set above them.
    """
    return (_LOAD, 0, 0, _ARGS_AT + 8 * index)


def _check_mode(mode: int) -> list[_Instruction]:
    refuse = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    return [_argument(mode), (_ANY_BIT, 0, 1, _SETS_ID), refuse, (_RETURN, 0, 0, _ALLOW)]


def _check_new_mode(flags: int, mode: int) -> list[_Instruction]:
    check = _check_mode(mode)
    return [_argument(flags), (_ANY_BIT, 0, len(check) - 1, _CREATES), *check]


def _check_ioctl() -> list[_Instruction]:
    body = [_argument(1)]
    for request in _TERMINAL_INPUT:
        body += _when(request, [(_RETURN, 0, 0, _ERRNO | errno.EPERM)])
    return [*body, (_RETURN, 0, 0, _ALLOW)]


def _check_family() -> list[_Instruction]:
    body = [_argument(0)]
    for family in _FAMILIES:
        body += _when(family, [(_RETURN, 0, 0, _ALLOW)])
    refused = _ERRNO | errno.EAFNOSUPPORT
    routes = [_argument(2), *_unless(_NETLINK_ROUTE, refused), (_RETURN, 0, 0, _ALLOW)]
    return [*body, *_when(_AF_NETLINK, routes), (_RETURN, 0, 0, refused)]
