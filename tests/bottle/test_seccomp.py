"""The filter, run by a small interpreter of classic BPF: every row on both machines."""

import errno
import struct

import pytest

from stopper.bottle.seccomp import seccomp_filter
from stopper.errors import BottleError

ALLOW, KILL = "allow", "kill"
EPERM, EAFNOSUPPORT, ENOTSUP, ENOSYS = (
    errno.EPERM, errno.EAFNOSUPPORT, errno.ENOTSUP, errno.ENOSYS,
)  # fmt: skip
ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
I386, HIGH = 0x40000003, 1 << 32

CASES = {
    # what is called                        x86_64 aarch64  arguments              verdict
    "read":                                 (0,    63,      (0, 0, 10),            ALLOW),
    "execve":                               (59,   221,     (0, 0, 0),             ALLOW),
    "ptrace":                               (101,  117,     (16, 1),               ALLOW),
    "io_uring_setup":                       (425,  425,     (1, 0),                EPERM),
    "io_uring_enter":                       (426,  426,     (1, 0),                EPERM),
    "io_uring_register":                    (427,  427,     (1, 0),                EPERM),
    "bpf":                                  (321,  280,     (0, 0),                EPERM),
    "userfaultfd":                          (323,  282,     (1,),                  EPERM),
    "perf_event_open":                      (298,  241,     (0,),                  EPERM),
    "add_key":                              (248,  217,     (0,),                  EPERM),
    "request_key":                          (249,  218,     (0,),                  EPERM),
    "keyctl":                               (250,  219,     (0,),                  EPERM),
    "kexec_load":                           (246,  104,     (0,),                  EPERM),
    "kexec_file_load":                      (320,  294,     (0,),                  EPERM),
    "init_module":                          (175,  105,     (0,),                  EPERM),
    "finit_module":                         (313,  273,     (0,),                  EPERM),
    "delete_module":                        (176,  106,     (0,),                  EPERM),
    "open_by_handle_at":                    (304,  265,     (0,),                  EPERM),
    "pidfd_getfd":                          (438,  438,     (0,),                  EPERM),
    "syslog":                               (103,  116,     (3,),                  EPERM),
    "a unix socket":                        (41,   198,     (1, 1, 0),             ALLOW),
    "a TCP socket":                         (41,   198,     (2, 1, 6),             ALLOW),
    "a TCP socket of IPv6":                 (41,   198,     (10, 1, 6),            ALLOW),
    "netlink for routes":                   (41,   198,     (16, 3, 0),            ALLOW),
    "netlink for netfilter":                (41,   198,     (16, 3, 12),           EAFNOSUPPORT),
    "netlink for routes, high bit":         (41,   198,     (16, 3, 12 | HIGH),    EAFNOSUPPORT),
    "a packet socket":                      (41,   198,     (17, 3, 0),            EAFNOSUPPORT),
    "an alg socket":                        (41,   198,     (38, 5, 0),            EAFNOSUPPORT),
    "a vsock socket":                       (41,   198,     (40, 1, 0),            EAFNOSUPPORT),
    "a vsock socket with a high bit":       (41,   198,     (40 | HIGH, 1, 0),     EAFNOSUPPORT),
    "a bluetooth socket":                   (41,   198,     (31, 1, 0),            EAFNOSUPPORT),
    "an xdp socket":                        (41,   198,     (44, 3, 0),            EAFNOSUPPORT),
    "a pair of unix sockets":               (53,   199,     (1, 1, 0),             ALLOW),
    "a pair of tipc sockets":               (53,   199,     (30, 1, 0),            EAFNOSUPPORT),
    "the terminal's size":                  (16,   29,      (0, 0x5413),           ALLOW),
    "TIOCSTI":                              (16,   29,      (0, 0x5412),           EPERM),
    "TIOCSTI with a high bit":              (16,   29,      (0, 0x5412 | HIGH),    EPERM),
    "TIOCLINUX":                            (16,   29,      (0, 0x541C),           EPERM),
    "chmod to 755":                         (90,   None,    (0, 0o755),            ALLOW),
    "chmod to 4755":                        (90,   None,    (0, 0o4755),           EPERM),
    "fchmod to 2755":                       (91,   52,      (0, 0o2755),           EPERM),
    "fchmodat to 4755":                     (268,  53,      (0, 0, 0o4755),        EPERM),
    "fchmodat2 to 4755":                    (452,  452,     (0, 0, 0o4755),        EPERM),
    "creat with 4755":                      (85,   None,    (0, 0o4755),           EPERM),
    "mknodat with 4755":                    (259,  33,      (0, 0, 0o104755),      EPERM),
    "openat of a new file with 644":        (257,  56,      (0, 0, 0o101, 0o644),  ALLOW),
    "openat of a new file with 4755":       (257,  56,      (0, 0, 0o101, 0o4755), EPERM),
    "openat of a nameless file with 4755":  (257,  56,      (0, 0, 0o20200002, 0o4755), EPERM),
    "openat of an old file, mode garbage":  (257,  56,      (0, 0, 0o2, 0o4755),   ALLOW),
    "open of a new file with 2755":         (2,    None,    (0, 0o101, 0o2755),    EPERM),
    "openat2":                              (437,  437,     (0,),                  ENOSYS),
    "setxattr":                             (188,  5,       (0,),                  ENOTSUP),
    "lsetxattr":                            (189,  6,       (0,),                  ENOTSUP),
    "fsetxattr":                            (190,  7,       (0,),                  ENOTSUP),
    "setxattrat":                           (463,  463,     (0,),                  ENOTSUP),
}  # fmt: skip


@pytest.mark.parametrize("machine", ARCHES)
@pytest.mark.parametrize(
    ("x86_64", "aarch64", "arguments", "verdict"), CASES.values(), ids=CASES.keys()
)
def test_calls(
    x86_64: int, aarch64: int | None, arguments: tuple[int, ...], verdict: str | int, machine: str
) -> None:
    """Each call gets the verdict in its last column; a call that the machine lacks is no row."""
    number = x86_64 if machine == "x86_64" else aarch64
    if number is not None:
        assert run(seccomp_filter(machine), ARCHES[machine], number, arguments) == verdict


STRANGERS = {
    # whose call                             machine    arch                number
    "i386 on x86_64":                       ("x86_64",  I386,               102),
    "32 bit on aarch64":                    ("aarch64", 0x40000028,         1),
    "x32":                                  ("x86_64",  ARCHES["x86_64"],   0x40000000 | 41),
}  # fmt: skip


@pytest.mark.parametrize(("machine", "arch", "number"), STRANGERS.values(), ids=STRANGERS)
def test_other_numbering_kills(machine: str, arch: int, number: int) -> None:
    """Numbers that mean other calls are not looked up at all."""
    assert run(seccomp_filter(machine), arch, number, ()) == KILL


def test_a_call_that_a_debugger_skips_passes() -> None:
    """Its number is -1, which is above x32's."""
    assert run(seccomp_filter("x86_64"), ARCHES["x86_64"], 0xFFFFFFFF, ()) == ALLOW


def test_unknown_machine() -> None:
    """No filter is an error, never an empty one."""
    with pytest.raises(BottleError, match="riscv64"):
        seccomp_filter("riscv64")


def run(program: bytes, arch: int, number: int, arguments: tuple[int, ...]) -> str | int:
    """Interpret the filter on one call; a jump past its end is an IndexError."""
    filled = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("=IIQ6Q", number, arch, 0, *filled)
    code = list(struct.iter_unpack("=HBBI", program))
    place, word = 0, 0
    while True:
        operation, yes, no, value = code[place]
        place += 1
        if operation == 0x20:
            (word,) = struct.unpack_from("=I", data, value)
        elif operation == 0x06:
            return _verdict(value)
        else:
            place += yes if _jumps(operation, word, value) else no


def _jumps(operation: int, word: int, value: int) -> bool:
    return {0x15: word == value, 0x35: word >= value, 0x45: word & value != 0}[operation]


def _verdict(value: int) -> str | int:
    if value & 0xFFFF0000 == 0x00050000:
        return value & 0xFFFF
    return {0x7FFF0000: ALLOW, 0x80000000: KILL}[value]
