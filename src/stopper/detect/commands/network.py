"""Programs that speak HTTP: what they fetch, and what they send."""

import re
from typing import TYPE_CHECKING

from stopper.core.reason import Refusal
from stopper.detect.commands.apis import note_request
from stopper.detect.commands.options import Options, read_options
from stopper.detect.commands.paths import is_outside
from stopper.detect.commands.redirects import is_here
from stopper.detect.commands.strangers import is_nameless
from stopper.detect.commands.tables import is_strange
from stopper.detect.commands.taint import ENCODED, REMOTE, SECRET, UNKNOWN, is_literal
from stopper.detect.commands.writes import is_whole, note_read, note_write
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.hosts import classify_host, parse_host

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS"]

_CURL_VALUES = frozenset(
    {
        "-d", "--data", "--data-binary", "--data-raw", "--data-urlencode", "--data-ascii",
        "--json", "-F", "--form", "--form-string", "-T", "--upload-file", "-H", "--header", "-o",
        "--output", "-u", "--user", "-X", "--request", "-A", "--user-agent", "-e", "--referer",
        "-b", "--cookie", "-c", "--cookie-jar", "-x", "--proxy", "-m", "--max-time",
        "--connect-timeout", "--retry", "-w", "--write-out", "--url", "-K", "--config", "-E",
        "--cert", "--key", "--cacert", "--resolve", "--output-dir", "--limit-rate", "-r",
        "--range", "-t", "-Q", "--quote", "-C", "--retry-delay", "--interface", "-D",
        "--dump-header", "--aws-sigv4", "-P", "-z", "-y", "-Y", "--unix-socket",
        "--retry-max-time", "--max-redirs", "--ciphers", "--tls-max", "--doh-url",
        "--oauth2-bearer", "--connect-to", "-U", "--proxy-user",
    }
)  # fmt: skip
_WGET_VALUES = frozenset(
    {
        "-O", "--output-document", "-P", "--directory-prefix", "--post-file", "--post-data",
        "--body-file", "--body-data", "--header", "-U", "--user-agent", "-o", "-a", "--tries", "-t",
        "--timeout", "-T", "--user", "--password", "--method", "-i", "-e", "-Q", "--limit-rate",
        "-A", "-R", "-D", "-l", "--use-askpass", "--save-cookies", "--load-cookies",
    }
)  # fmt: skip
_SAVERS = frozenset({"http", "https", "xh", "fetch"})
_HTTP_VALUES = frozenset({"-o", "--output", "-a", "--auth", "-A", "--auth-type"})
_FILE_VALUES = frozenset({"-o", "--out", "--output", "-d", "--dir", "-x", "-s", "-n", "-j"})
_METHODS = frozenset({"DELETE", "PATCH", "PUT", "POST"})
_PIPED = frozenset({"-", "/dev/stdin"})
_PRINTED = frozenset({"-", "/dev/stdout"})
_BODIES = ("-d", "--data", "--data-binary", "--data-raw", "--data-urlencode", "--data-ascii",
           "--json", "-F", "--form", "--form-string")  # fmt: skip
_HEADERS = ("-H", "--header", "-A", "--user-agent", "-e", "--referer", "-b", "--cookie")
_AUTH_HEADER = re.compile(
    r"\s*(?:authorization|x-api-key|api-key|private-token|job-token|x-auth-token|x-vault-token"
    r"|circle-token|dd-api-key|x-[\w-]*(?:key|token)|[\w-]*(?:apikey|api-key)|cookie)\s*:",
    re.IGNORECASE,
)
_URL = re.compile(r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?:[^/@?#]*@)?(?P<host>\[[^\]]*\]|[^/:?#]*)",
                  re.IGNORECASE)  # fmt: skip
_ARCHIVE = re.compile(
    r"\.(?:tar|tgz|tbz2?|zip|7z|gz|xz|sql|dump|bak|db|sqlite3?|kdbx)\b", re.IGNORECASE
)
_CLUSTER_SECRETS = re.compile(r"[^/?]{1,99}/api/v1/(?:namespaces/[^/?]{1,99}/)?secrets(?:[/?]|$)")
_ADDRESS = re.compile(r"(?:localhost)?:\d{1,5}(?:/|$)|localhost(?:/|$)|[\w-]++(?:\.[\w-]++)++")
_ENGINE = re.compile(r"(?:docker|podman|containerd)[\w-]{0,20}\.sock$")
"""Where an engine of containers listens, which does all that root may."""
_SEND_HOSTS = re.compile(
    r"(?:^|\.)(?:transfer\.sh|file\.io|0x0\.st|paste(?:bin)?\.\w+|ix\.io|termbin\.com"
    r"|webhook\.site"
    r"|requestbin\.\w+|pipedream\.net|ngrok\.(?:io|app)|ngrok-free\.app|oast\.\w+|interact\.sh"
    r"|burpcollaborator\.net|requestcatcher\.com|beeceptor\.com|dnslog\.cn|hookbin\.com"
    r"|anonfiles\.com"
    r"|gofile\.io|bashupload\.com|temp\.sh|oshi\.at|catbox\.moe|sprunge\.us|dpaste\.\w+"
    r"|hastebin\.com|clbin\.com|trycloudflare\.com)$",
    re.IGNORECASE,
)


def _host(url: str) -> tuple[str, str]:
    """Scheme and host of a URL, either empty where it is not written."""
    match = _URL.match(url.strip())
    return ("", "") if match is None else ((match["scheme"] or "").lower(), match["host"].lower())


def _note_url(shell: "Shell", url: str) -> None:
    """A URL that carries data, or that asks a cloud's metadata for credentials."""
    scheme, host = _host(url)
    if scheme == "file":
        note_read(shell, url)
        return
    if _shows_secrets(url):
        shell.note_secret(url, Scope.REMOTE, "command.prints_credential")
    if is_literal(host) and host:
        parsed = parse_host(host)
        code = parsed.code if isinstance(parsed, Refusal) else classify_host(parsed)
        if code in {"network.metadata", "network.link_local"} or (
            code == "network.odd_address" and not is_here(host)
        ):
            shell.add(EffectKind.CREDENTIAL_READ, url, Scope.REMOTE, "command.reads_metadata")
    if not is_here(host) and (SECRET in url or ENCODED in url):
        secret = SECRET in url
        shell.add(
            EffectKind.EXFILTRATE,
            url,
            Scope.REMOTE,
            "command.sends_credential" if secret else "command.sends_data",
        )


def _shows_secrets(url: str) -> bool:
    """Whether a cluster is asked for its secrets."""
    return _CLUSTER_SECRETS.match(url.partition("://")[2] or url) is not None


def _note_body(shell: "Shell", body: str, hosts: list[str], stdin: str, *, form: bool) -> None:
    """What is sent in a request: marks, or a file behind `@`."""
    content = body
    path = ""
    match = re.match(r"(?:[^=@]*=)?[@<](.+)" if form else r"[\w.-]*@(.+)", body, re.DOTALL)
    if match is not None:
        path = match[1].partition(";")[0]
        content = stdin if path in _PIPED else note_read(shell, path)
    here = bool(hosts) and all(map(is_here, hosts))
    if here and not (shell.forwards and path):
        return
    drop = any(_SEND_HOSTS.search(host) for host in hosts)
    leaks = SECRET in content or ENCODED in content
    leaks = leaks or (path in _PIPED and UNKNOWN in content and any(map(is_nameless, hosts)))
    if path and path != "-":
        leaks = leaks or is_outside(path) or (form and drop)
        leaks = leaks or (_ARCHIVE.search(path) is not None and path != "-" and drop)
        leaks = leaks or shell.places.scope(path, shell.cwd) in {Scope.HOME, Scope.OUTSIDE}
        leaks = leaks or is_whole(shell, path)
    if leaks or (drop and (path or content.strip("\x00") != content)):
        secret = SECRET in content
        shell.add(
            EffectKind.EXFILTRATE,
            path or "data",
            Scope.REMOTE,
            "command.sends_credential" if secret else "command.sends_data",
        )


def _curl(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, _CURL_VALUES)
    urls = [*options.operands, *options.all_values("--url")]
    hosts = [_host(url)[1] for url in urls]
    for url in urls:
        _note_url(shell, url)
    for name in _BODIES:
        for body in options.all_values(name):
            raw = name in {"--data-raw", "--form-string"}
            _note_body(
                shell, body.replace("@", "_", 1) if raw else body, hosts, call.stdin,
                form=name in {"-F", "--form"},
            )  # fmt: skip
    for path in options.all_values("-T", "--upload-file"):
        _note_body(shell, f"@{path}", hosts, call.stdin, form=True)
    _note_headers(shell, options, urls)
    if any("/_delete_by_query" in url for url in urls):
        shell.add(EffectKind.DATABASE, "", Scope.REMOTE, "command.database_destroys")
    method = (options.value("-X", "--request") or "").upper()
    bodies = options.all_values(*_BODIES)
    sent = method or ("POST" if bodies else "")
    for url, host in zip(urls, hosts, strict=True):
        note_request(shell, sent, url, host, tuple(bodies))
    _note_engine(shell, options, acts=method not in {"", "GET", "HEAD"} or bool(bodies))
    config = options.value("-K", "--config")
    if config is not None and config != "-":
        note_read(shell, config)
    shell.add(
        EffectKind.NETWORK, " ".join(hosts), Scope.REMOTE, "command.connects", reversible=True
    )
    if urls and all(url.startswith("file:") for url in urls):
        return SECRET if any(map(shell.is_secret, urls)) else UNKNOWN
    named = options.has("-O", "--remote-name")
    content = _fetched(shell, options, urls, ("-o", "--output"), named)
    return SECRET if content and any(map(_shows_secrets, urls)) else content


def _note_engine(shell: "Shell", options: Options, *, acts: bool) -> None:
    """An engine of containers that is told to do something does it with all rights."""
    for path in options.all_values("--unix-socket"):
        if acts and _ENGINE.search(path):
            shell.add(EffectKind.PRIVILEGE, path, Scope.ROOT, "command.asks_service")


def _note_headers(
    shell: "Shell", options: Options, urls: list[str], names: tuple[str, ...] = _HEADERS
) -> None:
    """A credential in the header that is made for it is used; anywhere else it is sent away."""
    plain = any(url.startswith("http://") and not is_here(_host(url)[1]) for url in urls)
    for header in options.all_values(*names):
        odd = not _AUTH_HEADER.match(header)
        drop = any(_SEND_HOSTS.search(_host(url)[1]) for url in urls)
        if (SECRET in header and (odd or plain or drop)) or (ENCODED in header and odd):
            shell.add(EffectKind.EXFILTRATE, "header", Scope.REMOTE, "command.sends_credential")


def _fetched(
    shell: "Shell", options: Options, urls: list[str], names: tuple[str, ...], kept_name: bool
) -> str:
    """What was fetched goes to a file or on."""
    path = options.value(*names)
    folder = options.value("--output-dir")
    if path is None and kept_name:
        path = (urls[0] if urls else "").partition("?")[0].rstrip("/").rpartition("/")[2] or None
        folder = options.value("-P", "--directory-prefix", "--output-dir")
    path = f"{folder}/{path}" if folder and path and path not in _PRINTED else path
    here = bool(urls) and all(is_here(_host(url)[1]) for url in urls)
    content = UNKNOWN if here else REMOTE
    strange = not here and any(is_strange(url if "://" in url else f"http://{url}") for url in urls)
    shell.met_strange = shell.met_strange or strange
    if path is None or path in _PRINTED:
        return content
    if strange:
        shell.note_strange(shell.places.resolve(path, shell.cwd))
    note_write(shell, path, content, adds=True)
    return ""


def _wget(shell: "Shell", call: "Call") -> str:
    # `-qO-` is the usual spelling of `-q -O -`
    options = read_options(call.args, _WGET_VALUES)
    urls = options.operands
    hosts = [_host(url)[1] for url in urls]
    for url in urls:
        _note_url(shell, url)
    for path in options.all_values("--post-file", "--body-file"):
        _note_body(shell, f"@{path}", hosts, call.stdin, form=True)
    for body in options.all_values("--post-data", "--body-data"):
        _note_body(shell, body.replace("@", "_"), hosts, call.stdin, form=False)
    _note_headers(shell, options, urls, ("--header", "-U", "--user-agent"))
    bodies = options.all_values("--post-data", "--body-data")
    for url, host in zip(urls, hosts, strict=True):
        note_request(shell, options.value("--method") or ("POST" if bodies else ""), url, host,
                     tuple(bodies))  # fmt: skip
    if options.has("-r", "--recursive", "-m", "--mirror", "-i", "--input-file"):
        _note_many(shell, options, hosts)
    for code in options.all_values("--use-askpass"):
        shell.run_code(code, "wget")
    shell.add(
        EffectKind.NETWORK, " ".join(hosts), Scope.REMOTE, "command.connects", reversible=True
    )
    return _fetched(shell, options, urls, ("-O", "--output-document"), kept_name=True)


def _note_many(shell: "Shell", options: Options, hosts: list[str]) -> None:
    """Many files are fetched into a folder."""
    if hosts and all(map(is_here, hosts)):
        return
    folder = options.value("-P", "--directory-prefix") or "".join(hosts[:1])
    full = shell.places.resolve(folder, shell.cwd)
    if folder and full != shell.places.workspace:
        shell.note_clone(full)


def _http(shell: "Shell", call: "Call") -> str:
    """HTTPie, xh and aria2c: URLs and fields among the operands."""
    urls = [arg for arg in call.args if "://" in arg or _ADDRESS.match(arg)]
    hosts = [_host(url)[1] for url in urls[:1]]
    for url in urls[:1]:
        _note_url(shell, url)
    for arg in call.args:
        if "@" in arg and "://" not in arg and arg[:1] != "-":
            _note_body(shell, "@" + arg.partition("@")[2], hosts, call.stdin, form=True)
        elif (SECRET in arg and ":" not in arg) or ENCODED in arg:
            _note_body(shell, arg, hosts, "", form=False)
    if call.stdin:
        _note_body(shell, "@-", hosts, call.stdin, form=False)
    method = next((arg for arg in call.args if arg in _METHODS), "")
    for url, host in zip(urls, hosts, strict=False):
        note_request(shell, method, url, host, tuple(call.args))
    if call.name not in _SAVERS:
        return REMOTE
    options = read_options(call.args, _HTTP_VALUES)
    return _fetched(shell, options, urls, ("-o", "--output"), kept_name=False)


def _download(shell: "Shell", call: "Call") -> str:
    """`lwp-download URL FILE`, `aria2c -o FILE URL`."""
    options = read_options(call.args, _FILE_VALUES)
    urls = [operand for operand in options.operands if "://" in operand]
    for url in urls:
        _note_url(shell, url)
    names = [operand for operand in options.operands if "://" not in operand]
    path = options.value("-o", "--out", "--output") or "".join(names[:1])
    path = path or "".join(urls[:1]).rstrip("/").rpartition("/")[2]
    folder = options.value("-d", "--dir")
    path = f"{folder}/{path}" if folder and path else path
    if path:
        if any(map(is_strange, urls)):
            shell.note_strange(shell.places.resolve(path, shell.cwd))
        note_write(shell, path, REMOTE, adds=True)
    return ""


HANDLERS: "dict[str, Handler]" = {
    "curl": _curl,
    "curlie": _curl,
    "wget": _wget,
    "wget2": _wget,
    **dict.fromkeys(("http", "https", "xh", "lynx", "fetch", "w3m", "GET", "lwp-request"), _http),
    **dict.fromkeys(("aria2c", "axel", "lwp-download"), _download),
}
