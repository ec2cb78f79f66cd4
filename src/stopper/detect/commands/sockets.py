"""Programs that open sockets, copy to other machines, or ask other machines for names."""

import re
from typing import TYPE_CHECKING

from stopper.detect.commands.archives import is_personal
from stopper.detect.commands.flow import generic
from stopper.detect.commands.options import read_options
from stopper.detect.commands.paths import is_outside
from stopper.detect.commands.redirects import is_here
from stopper.detect.commands.runs import SHELLS
from stopper.detect.commands.taint import ENCODED, REMOTE, SECRET, UNKNOWN, is_literal
from stopper.detect.commands.writes import note_read, note_write
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS"]

_PUT = re.compile(r"^[ \t]{0,99}m?put[ \t]+(?:-\w+[ \t]+){0,9}(\S+)", re.MULTILINE)
_REFILTERED = re.compile(
    r"(?:tables-save|\blist\s+ruleset)\b[^;\n&|]{0,99}\|[^;\n&]{0,400}?\b(?:grep|sed|awk|perl|tr)\b"
    r"[^;\n&]{0,400}?\|\s{0,9}(?:sudo\s{1,9})?(?:ip6?tables-restore|nft\s)"
)
"""A firewall's rules that go through a filter before they are taken again."""
_SENDING_VERBS = {
    "gh": frozenset({"gist"}),
    "glab": frozenset({"snippet"}),
    "gcloud": frozenset({"storage", "scp"}),
}
"""With these verbs, programs that do much else send files."""
_DROPS = frozenset(
    {"croc", "wormhole", "magic-wormhole", "ffsend", "onionshare", "onionshare-cli", "pastebinit",
     "wgetpaste", "fpaste", "gist", "slackcat", "telegram-send", "ipfs", "megaput", "mega-put"}
)  # fmt: skip
"""What is handed to these may be taken by anybody who knows its name."""
_MAX_GOT = 8
_FTP = frozenset({"ftp", "lftp", "tftp", "cadaver", "ncftp"})
_MIRROR = re.compile(
    r"mirror\s[^;\n]{0,199}(?:-R|--reverse)[^;\n]{0,199}\s(?:~|/home|/root|/etc|/var|/\s)"
)
_GET = re.compile(r"^[ \t]{0,99}(?:get1?|pget|mget)[ \t]+([^\n]{1,400})", re.MULTILINE)
_MIRRORED = re.compile(
    r"^[ \t]{0,99}mirror[ \t]+(?![^\n]*(?:-\w{0,6}R\b|--reverse))[^\n]{1,400}", re.MULTILINE
)
_FAR = re.compile(r"[\w.@-]+:(?!//)\S|\w+://")
_FAR_SYSTEM = re.compile(
    r"[\w.@-]{1,200}:/(?:etc|usr(?!/local/share)|bin|sbin|lib\w*|boot|root|var/spool)/"
    r"|root@[\w.-]{1,200}:/(?:etc|opt|srv|usr)\b"
)
"""A place of the system itself on another machine."""


def _netcat(shell: "Shell", call: "Call") -> str:
    options = read_options(
        call.args,
        frozenset({"-e", "-c", "-p", "-w", "-s", "-i", "-q", "-X", "-x", "--exec", "--sh-exec",
                   "-g", "-G", "-o", "-T"}),
    )  # fmt: skip
    code = options.value("-e", "-c", "--exec", "--sh-exec")
    if code is not None:
        shell.add(EffectKind.REMOTE_CODE, code, Scope.REMOTE, "command.reverse_shell")
        shell.add(EffectKind.NETWORK, code, Scope.REMOTE, "command.open_socket")
        return REMOTE
    hosts = [operand for operand in options.operands if not operand.isdigit()]
    listens = options.has("-l", "--listen")
    if hosts and all(map(is_here, hosts)) and not shell.forwards:
        return UNKNOWN
    checks = options.has("-z")
    sends = call.stdin and not is_literal(call.stdin)
    if listens and options.has("-n", "--nodns", "--broker", "--proxy-type"):
        # what waits for a shell that calls back; a plain `nc -l 8080` is a test
        shell.add(EffectKind.NETWORK, " ".join(call.args), Scope.REMOTE, "command.listens")
    elif sends and not listens and not checks:
        reason = "command.sends_credential" if SECRET in call.stdin else "command.sends_data"
        shell.add(EffectKind.EXFILTRATE, " ".join(hosts), Scope.REMOTE, reason)
    else:
        shell.add(
            EffectKind.NETWORK, " ".join(hosts), Scope.REMOTE, "command.connects", reversible=True
        )
    return REMOTE


def _socat(shell: "Shell", call: "Call") -> str:
    text = " ".join(call.args)
    if re.search(r"\b(?:exec|system|shell):", text, re.IGNORECASE) and re.search(
        r"tcp|udp|openssl|ssl|sctp", text, re.IGNORECASE
    ):
        shell.add(EffectKind.REMOTE_CODE, text, Scope.REMOTE, "command.reverse_shell")
    if re.search(
        r"(?:tcp|udp|openssl|sctp|ssl)\d?-l(?:isten)?:(?!.*bind=127)", text, re.IGNORECASE
    ):
        shell.add(EffectKind.NETWORK, text, Scope.REMOTE, "command.listens")
    for path in re.findall(r"(?:^|\s)(?:file|open|gopen):([^,\s]+)", text, re.IGNORECASE):
        if note_read(shell, path) == SECRET:
            shell.add(EffectKind.EXFILTRATE, path, Scope.REMOTE, "command.sends_credential")
    if call.stdin and not is_literal(call.stdin):
        shell.add(EffectKind.EXFILTRATE, text, Scope.REMOTE, "command.sends_data")
    return REMOTE


def _telnet(shell: "Shell", call: "Call") -> str:
    if SECRET in call.stdin or ENCODED in call.stdin:
        shell.add(EffectKind.EXFILTRATE, "telnet", Scope.REMOTE, "command.sends_data")
    return REMOTE


def _lookup(shell: "Shell", call: "Call") -> str:
    """A name that is looked up carries what is in it to whoever answers for it."""
    text = " ".join(call.args)
    if (
        SECRET in text
        or ENCODED in text
        or any(UNKNOWN in arg and arg.strip(UNKNOWN).count(".") > 1 for arg in call.args)
    ):
        shell.add(EffectKind.EXFILTRATE, text, Scope.REMOTE, "command.smuggles_in_names")
    return REMOTE


def _scp(shell: "Shell", call: "Call") -> str:
    options = read_options(
        call.args, frozenset({"-i", "-P", "-o", "-F", "-J", "-l", "-c", "-S", "-b"})
    )
    for value in options.all_values("-o", "-S"):
        name, _, code = value.partition("=")
        if name.lower() == "proxycommand":
            shell.run_code(code, "scp -o")
    *sources, target = options.operands or [""]
    if call.name == "sftp":
        puts = _PUT.findall(call.stdin)
        sources, target = [shell.expand(path) for path in puts], "host:"
    if re.match(r"[\w.@\[\]:\x00-]+:(?!\\)", target) or "://" in target:
        _note_copied(shell, sources, target)
    elif sources:
        shell.met_strange = True
        for source in sources:
            note_write(shell, _place(source, target), REMOTE, adds=True)
    if call.name == "sftp" and options.operands and _FAR.match(options.operands[0]):
        source, *names = options.operands
        note_write(shell, _place(source, names[0] if names else "."), REMOTE, adds=True)
    return ""


def _note_copied(shell: "Shell", sources: list[str], target: str) -> None:
    """What goes to another machine, and what it replaces there."""
    if _FAR_SYSTEM.match(target):
        shell.add(EffectKind.OVERWRITE, target, Scope.OUTSIDE, "command.overwrites")
    for source in sources:
        full = shell.places.resolve(source, shell.cwd)
        whole = full in {shell.places.home, "/", "/etc"} or is_personal(full)
        if shell.is_secret(source) or whole:
            shell.add(EffectKind.EXFILTRATE, source, Scope.REMOTE, "command.sends_credential")
            note_read(shell, source)


def _place(source: str, target: str) -> str:
    """Where a copy lands: under its own name where the target is a folder."""
    name = re.split(r"[/:]", source.rstrip("/"))[-1]
    if target in {".", ".."} or target.endswith("/"):
        return f"{target.rstrip('/')}/{name}"
    return target


def _mail(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, frozenset({"-s", "-a", "-A", "-f", "-c", "-b", "-r"}))
    files = options.all_values("-a", "-A")
    content = call.stdin + "".join(note_read(shell, path) for path in files)
    if SECRET in content or ENCODED in content or any(map(is_outside, files)):
        shell.add(EffectKind.EXFILTRATE, "mail", Scope.REMOTE, "command.sends_data")
    return ""


def _sender(shell: "Shell", call: "Call") -> str:
    """Programs that upload what they are given: cloud copies, paste bins, chat."""
    verbs = _SENDING_VERBS.get(call.name)
    if verbs is not None and verbs.isdisjoint(call.args[:2]):
        return generic(shell, call)
    whole = {shell.places.home, "/", "/etc", "/root", "/home", "/var/lib", "/var/mail"}
    drops = call.name in _DROPS
    for arg in call.args:
        local = arg[:1] in {"/", "~", "."}
        if drops and local and shell.places.scope(arg, shell.cwd) in {Scope.HOME, Scope.OUTSIDE}:
            shell.add(EffectKind.EXFILTRATE, arg, Scope.REMOTE, "command.sends_data")
            break
        if (
            shell.is_secret(arg)
            or arg == SECRET
            or (local and (full := shell.places.resolve(arg, shell.cwd)) in whole)
            or (local and is_personal(full))
            or (local and full in {"/etc/passwd", "/etc/group"})
        ):
            shell.add(EffectKind.EXFILTRATE, arg, Scope.REMOTE, "command.sends_credential")
            break
    _note_received(shell, call)
    script = "\n".join([*re.split(r"[;\n]", " ".join(call.args)), call.stdin]) + "\n"
    puts = _PUT.findall(script) if call.name in _FTP else []
    if call.name == "lftp" and _MIRROR.search(script):
        shell.add(EffectKind.EXFILTRATE, call.name, Scope.REMOTE, "command.sends_data")
    if call.name == "lftp":
        _note_got(shell, call)
    if any(shell.is_secret(path) or is_outside(path) for path in puts):
        shell.add(EffectKind.EXFILTRATE, call.name, Scope.REMOTE, "command.sends_data")
    if SECRET in call.stdin:
        shell.add(EffectKind.EXFILTRATE, call.name, Scope.REMOTE, "command.sends_credential")
    return generic(shell, call)


def _note_got(shell: "Shell", call: "Call") -> None:
    """What the script of `lftp` gets: files, or whole folders."""
    scripts = read_options(call.args, frozenset({"-c", "-e", "-u", "-p"})).all_values("-c", "-e")
    script = "\n".join(re.split(r"[;\n]|&&", ";".join([*scripts, call.stdin])))
    for match in list(_GET.finditer(script))[:_MAX_GOT]:
        options = read_options(match[1].split(), frozenset({"-o", "-O", "-n", "-P"}))
        sources = options.operands
        path = options.value("-o") or "".join(sources[-1:]).rpartition("/")[2]
        folder = options.value("-O")
        if path:
            note_write(shell, f"{folder}/{path}" if folder else path, REMOTE, adds=True)
    for match in list(_MIRRORED.finditer(script))[:_MAX_GOT]:
        words = [word for word in match[0].split()[1:] if word[:1] != "-"]
        folder = (words[1:2] or [words[0].rstrip("/").rpartition("/")[2]] if words else [""])[0]
        full = shell.places.resolve(folder, shell.cwd)
        if folder and full != shell.places.workspace:
            shell.note_clone(full)


def _note_received(shell: "Shell", call: "Call") -> None:
    """`aws s3 cp s3://… FILE` and its kin: what lies there now came from elsewhere."""
    operands = [arg for arg in call.args if arg[:1] != "-"]
    if len(operands) > 1 and _FAR.match(operands[-2]) and not _FAR.match(operands[-1]):
        note_write(shell, _place(operands[-2], operands[-1]), REMOTE, adds=True)
    elif "get" in operands[:-1]:
        note_write(shell, operands[-1].rpartition("/")[2], REMOTE, adds=True)
    elif call.name in _FTP and any("://" in arg for arg in operands):
        path = read_options(call.args, frozenset({"-o"})).value("-o")
        note_write(shell, path or operands[-1].rpartition("/")[2], REMOTE, adds=True)
    elif call.name == "az" and "download" in operands:
        path = read_options(call.args, frozenset({"-f", "--file", "-n", "-c"})).value(
            "-f", "--file"
        )
        if path:
            note_write(shell, path, REMOTE, adds=True)


def _fifo(shell: "Shell", call: "Call") -> str:
    """A named pipe may bring what another program reads from the network."""
    for path in read_options(call.args, frozenset({"-m", "--mode"})).operands[:8]:
        shell.files[shell.places.resolve(path, shell.cwd)] = REMOTE
    return ""


def _listen(shell: "Shell", call: "Call") -> str:
    """A reverse shell by way of a program that hands its socket on."""
    if any(arg.rpartition("/")[2] in SHELLS for arg in call.args):
        shell.add(EffectKind.REMOTE_CODE, call.name, Scope.REMOTE, "command.reverse_shell")
    if any(arg in {"-R", "-D"} for arg in call.args):
        shell.add(EffectKind.NETWORK, call.name, Scope.REMOTE, "command.opens_tunnel")
    return UNKNOWN


def _take_rules(shell: "Shell", call: "Call") -> str:
    if _REFILTERED.search(shell.source.text):
        shell.add(EffectKind.NETWORK, call.name, Scope.ROOT, "command.changes_firewall")
    return generic(shell, call)


HANDLERS: "dict[str, Handler]" = {
    **dict.fromkeys(("nc", "ncat", "netcat", "nc.traditional", "nc.openbsd"), _netcat),
    "socat": _socat,
    "telnet": _telnet,
    **dict.fromkeys(("dig", "nslookup", "host", "drill", "ping", "ping6", "resolvectl"), _lookup),
    **dict.fromkeys(("scp", "sftp"), _scp),
    **dict.fromkeys(("mail", "mailx", "mutt", "sendmail", "msmtp", "swaks"), _mail),
    **dict.fromkeys(
        (
            "s3cmd",
            "rclone",
            "pastebinit",
            "croc",
            "magic-wormhole",
            "wormhole",
            "gist",
            "gh",
            "aws",
            "gsutil",
            "az",
            "azcopy",
            "mc",
            "tftp",
            "ftp",
            "lftp",
            "cadaver",
            "ncftp",
            "glab",
            "gcloud",
            "telegram-send",
            "slackcat",
            "ffsend",
            "onionshare",
            "onionshare-cli",
            "b2",
            "megaput",
            "mega-put",
            "gdrive",
            "ipfs",
            "wgetpaste",
            "fpaste",
        ),
        _sender,
    ),
    **dict.fromkeys(("dbclient", "plink"), _listen),
    **dict.fromkeys(("iptables-restore", "ip6tables-restore", "nft"), _take_rules),
    "mkfifo": _fifo,
    "mknod": _fifo,
}
