"""Whether a command or code takes what it is given out of this machine."""

import re
from typing import Final

from stopper.detect.dialled import DIALS, ENDS, HTTP, words_of_command
from stopper.detect.effects import EffectKind

__all__ = ["MAX_TEXT", "calls_out", "goes_out"]

MAX_TEXT: Final = 65_536
"""Commands and code of more characters are not looked through."""

_NOWHERE: Final = frozenset[EffectKind]()
_ASKS: Final = frozenset({EffectKind.NETWORK})
_SENDS: Final = frozenset({EffectKind.NETWORK, EffectKind.EXFILTRATE})

_ALWAYS: Final = re.compile("")
_OPTIONS: Final = r"^(?:(?:-[cC] \S++|-\S++) )*+"
_ASKING: Final = {
    **dict.fromkeys(HTTP | DIALS | {"doggo", "kdig", "lynx", "w3m", "websocat"}, _ALWAYS),
    "docker": re.compile(r"\b(?:login|pull)\b"),
    "getent": re.compile(r"\b(?:ahosts(?:v[46])?|hosts)\b"),
    "git": re.compile(rf"{_OPTIONS}(?:clone|fetch|ls-remote|pull|remote|submodule)\b"),
    "openssl": re.compile(r"\bs_client\b"),
}
"""Programs that ask another machine, and where that depends on it, with which words."""
_SENDING: Final = {
    **dict.fromkeys(
        {
            "az", "croc", "doctl", "firebase", "flyctl", "gist", "gsutil", "heroku", "ipfs", "mail",
            "mailx", "mosquitto_pub", "msmtp", "mutt", "neomutt", "netlify", "pastebinit", "rclone",
            "s-nail", "s3cmd", "scp", "sendmail", "sftp", "slackcat", "ssmtp", "swaks",
            "telegram-send", "tftp", "vercel", "wormhole", "wrangler",
        },
        _ALWAYS,
    ),
    "aws": re.compile(r"^(?!configure\b)"),
    "docker": re.compile(r"\bpush\b"),
    "gcloud": re.compile(r"^(?!config\b)"),
    "gh": re.compile(r"^(?!config\b)"),
    "git": re.compile(rf"{_OPTIONS}(?:push|send-email)\b"),
    "glab": re.compile(r"^(?!config\b)"),
    "npm": re.compile(r"\bpublish\b"),
    "rsync": re.compile(":"),
}  # fmt: skip
"""The same for those that leave there what they are given."""
_RUN_OTHERS: Final = frozenset(
    {
        "!", "busybox", "builtin", "command", "do", "docker", "elif", "else", "env", "exec", "find",
        "if", "ionice", "kubectl", "nice", "nohup", "parallel", "podman", "setsid", "stdbuf",
        "sudo", "then", "time", "timeout", "until", "watch", "while", "xargs",
    }
)  # fmt: skip
_ASSIGNS: Final = re.compile(r"[A-Za-z_]\w{0,99}=")

_CLIENTS: Final = (
    r"\b(?:axios|client|Faraday|got|http|https|HTTParty|httpx|ky|Net::HTTP|requests|RestClient"
    r"|session|superagent|urllib3)(?:\.|::|->)"
)
_MODULES: Final = (
    r"(?:aiohttp|asyncssh|axios|boto3|dns(?:\.\w+)?|ftplib|got|http\.client|httplib2|https?|httpx"
    r"|imaplib|net|node-fetch|paramiko|pycurl|requests|smtplib|socket|socks|superagent|telnetlib"
    r"|tls|undici|urllib\.request|urllib[23]?|websockets?|ws)"
)
_CALLS_ASK: Final = re.compile(
    r"\b(?:create_connection|curl_(?:exec|init)|EventSource|fsockopen|getaddrinfo|gethostby\w{4,9}"
    r"|HttpClient|HTTPS?Connection|open_connection|TcpClient|TCPSocket\.new|UdpClient|URI\.open"
    r"|urlopen|urlretrieve|WebClient|WebSocket|XMLHttpRequest)\s{0,9}\("
    r"|(?<![\w.])(?:(?:globalThis|self|window)\.)?fetch\s{0,9}\("
    r"|(?<!duckdb)(?<!sqlite3)\.connect(?:_ex)?\s{0,9}\("
    rf"|{_CLIENTS}(?:get\w{{0,9}}|head|request|start|stream|urlopen)\s{{0,9}}\("
    r"|\b(?:dns|resolver)\.(?:lookup|query|resolve\w{0,9})\s{0,9}\("
    rf"|\b(?:from|import)\s{{1,9}}{_MODULES}\b"
    rf"|\b(?:__import__|from|import_module|require)\s{{0,9}}\(?\s{{0,9}}['\"](?:node:)?{_MODULES}['\"]"
    r"|(?:\b|-M)(?:IO::Socket|LWP::|Net::HTTP)|file_get_contents\(\s{0,9}['\"]\w{2,9}://"
    r"|\b(?:Invoke-(?:RestMethod|WebRequest)|irm|iwr|Resolve-DnsName|Test-(?:Net)?Connection)\b",
    re.IGNORECASE,
)
_CALLS_SEND: Final = re.compile(
    rf"{_CLIENTS}(?:delete|patch|post\w{{0,9}}|put)\s{{0,9}}\("
    r"|\b(?:put_object|send_message|sendall|sendBeacon|sendmail|sendto|storbinary|storlines"
    r"|upload_file\w{0,5})\s{0,9}\("
    r"|\bmethod['\"]?\s{0,9}[:=]\s{0,9}['\"](?:PATCH|POST|PUT)['\"]"
    r"|\b(?:Send-MailMessage|Start-BitsTransfer)\b|-Method\s{1,9}(?:Patch|Post|Put)\b",
    re.IGNORECASE,
)


def goes_out(text: str) -> frozenset[EffectKind]:
    """`NETWORK` for a command that asks another machine, if only for the address of a name.

    `EXFILTRATE` too for one that leaves there what it is given, as a mail, a copy or a page. More
    than `judge_command` finds harmful, and less sure: it is for those who know that a command holds
    what must not go out. What is too long to look through does both.
    """
    if len(text) > MAX_TEXT:
        return _SENDS
    found = calls_out(text)
    command: list[str] = []
    for word in (*words_of_command(text.replace("`", " ; ")), ";"):
        if word and word[0] not in ENDS:
            command.append(word)
        elif command:
            found |= _of_command(command)
            command = []
    return found


def calls_out(code: str) -> frozenset[EffectKind]:
    """The same for code of a common language, by what it imports and calls."""
    if len(code) > MAX_TEXT or _CALLS_SEND.search(code):
        return _SENDS
    return _ASKS if _CALLS_ASK.search(code) else _NOWHERE


def _of_command(command: list[str]) -> frozenset[EffectKind]:
    """What a program does with its words, or any that it may run."""
    words = [word.lstrip("$").rpartition("/")[2] for word in command]
    first = next((at for at, word in enumerate(command) if not _ASSIGNS.match(word)), len(words))
    words = words[first:]
    if not words or words[1:2] == ["="]:  # a line of code
        return _NOWHERE
    heads = len(words) if words[0] in _RUN_OTHERS else 1
    found = _NOWHERE
    for at in range(heads):
        found |= _of_program(words[at], words[at + 1 :])
    return found


def _of_program(name: str, words: list[str]) -> frozenset[EffectKind]:
    for table, effects in ((_SENDING, _SENDS), (_ASKING, _ASKS)):
        shape = table.get(name)
        if shape is not None and shape.search(" ".join(words)):
            return effects
    return _NOWHERE
