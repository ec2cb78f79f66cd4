"""What a text for PowerShell or cmd reads of credentials, and what it sends away."""

import re
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.paths import is_secret_path
from stopper.detect.commands.winshell import MAX_STAGES
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["FETCH", "note_leaks"]

FETCH: Final = lazy(
    r"invoke-webrequest|\biwr\b|\birm\b|invoke-restmethod|download(?:string|file|data)|openread\("
    r"|net\.webclient|net\.http|\bcurl\b|\bwget\b|start-bitstransfer|https?://|xmlhttp|winhttp"
    r"|internetexplorer\.application|httpwebrequest|getstringasync|resolve-dnsname"
    r"|\\\\[\w.-]+\\[\w$.-]+\\",
    re.IGNORECASE,
)
_SECRET_FILE: Final = lazy(
    r"/unattend(?:ed)?\.xml|/sysprep\.(?:xml|inf)|/config/(?:sam|system|security)(?:\.\w+)?$"
    r"|/repair/sam|ntds\.dit|/microsoft/(?:credentials|protect|vault|systemcertificates)"
    r"|/(?:google/chrome|microsoft/edge|bravesoftware|chromium|opera software)[^\"]*(?:login da"
    r"ta|cookies|local state|web data)|/mozilla/firefox/profiles|logins\.json"
    r"|key[34]\.db"
    r"|consolehost_history|historysavepath|applicationhost\.config|web\.config$|machine\.config$"
    r"|/groups\.xml|scheduledtasks\.xml|/policies/.*\.xml"
    r"|filezilla/(?:recentservers|sitemanager)|winscp\.ini|\.rdp$|\.rdg$"
    r"|\.kdbx?$|\.ppk$|\.pfx$|/\.aws/|/\.azure/|/\.kube/|/\.docker/config\.json"
    r"|/\.ssh/(?!known|config|authorized|.*\.pub)|\.git-credentials|_netrc$"
    r"|/gcloud/.*(?:credentials|access_tokens)|accesstokens\.json|msal_token_cache"
    r"|/hiberfil\.sys|/pagefile\.sys|lsass.*\.dmp|vnc\.ini|ultravnc\.ini"
    r"|/mcafee/.*sitelist|/discord/local storage|/telegram desktop/tdata"
    r"|/(?:wallet|exodus|electrum|metamask)[^/]*(?:/|\.dat)|(?:passw|credential"
    r"|secret)\w*\.(?:txt|xml|xlsx?|csv|docx?|json|ini)|/putty/sessions|\.npmrc$"
    r"|\.pypirc$|(?:^|[/\s\"'(])(?<!>)(?<!>\s)\.env(?=$|[\s\"'|;),]|\.(?!example|sample|template|dist))"
    r"|/stickynotes"
    r"|plum\.sqlite"
)
_READS: Final = lazy(
    r"get-content|\bgc\b|\btype\b|\bcat\b|copy|readall|\bmore\b|move|findstr"
    r"|select-string|\bsls\b|import-csv|import-clixml"
    r"|compress-archive|\b7z\b|\brar\b|\btar\b|esentutl|certutil|certreq"
    r"|\bcp\b|\bmv\b|\bxml\]|sqlite3?|upload|-infile|notepad|\bcurl\b|-f\s"
    r"|openread|makecab|expand|print\b|ftp|\bfor /f"
    r"|export-|invoke-item|start-process notepad|get-filehash -|\[io\.|get-itemproperty"
    r"|format-hex|out-printer|robocopy"
)
_UNREAD: Final = lazy(
    r"\btest-path\s{1,9}(?:-\w{1,20}\s{1,9})?\S{1,260}"
    r"|\b(?:copy-item|copy|cp)\s{1,9}\S{0,200}\.env\.(?:example|sample|template|dist)\S{0,9}\s{1,9}\S{1,260}"
)
"""What is only looked for, and what is written from an example."""
_SENDS: Final = lazy(
    r"-body\b|-infile\b|upload|-method\s{1,9}(?:post|put)|-attachments|-f\s{1,9}\S*@"
    r"|-d\s{1,9}@|--data\S*\s|-t\s|\.post|putasync|-form\b|certreq\b.*-post|\bscp\b"
    r"|\bsftp\b|\bftp\b|\.send\("
)
_DATA: Final = lazy(
    r"get-content|\bgc\b|\bgci env:|get-childitem env:|dir env:|getenvironmentvariables"
    r"|readall|compress-archive|@[\"']?(?:[a-z]:|%|\$env)|-infile|get-clipboard"
    r"|systeminfo|get-process\b|ipconfig|get-aduser|whoami|convertto-json"
    r"|screenshot|copyfromscreen|\.zip\b|\.7z\b|\.rar\b|-attachments|net user"
    r"|hostname"
)


def note_leaks(shell: "Shell", lower: str) -> None:
    """Note what a text in lower case reads of credentials and sends away."""
    plain = _UNREAD.sub(" ", lower).replace("\\", "/")
    if not (FETCH.search(lower) or _READS.search(lower)):
        return
    secret = _SECRET_FILE.search(plain) is not None or _names_secret(plain)
    if secret and _READS.search(lower):
        shell.add(EffectKind.CREDENTIAL_READ, "file", Scope.HOME, "command.reads_credential")
    if not (FETCH.search(lower) and _SENDS.search(lower)):
        return
    if secret or re.search(r"\$env:\w*(?:key|token|secret|password)", lower):
        shell.add(EffectKind.EXFILTRATE, "file", Scope.REMOTE, "command.sends_credential")
    elif _DATA.search(lower) and not _is_local(lower):
        shell.add(EffectKind.EXFILTRATE, "data", Scope.REMOTE, "command.sends_data")


def _names_secret(plain: str) -> bool:
    words = (word.strip("\"'(),;{}") for word in plain.split()[:MAX_STAGES])
    return any("/" in word and is_secret_path(word) for word in words)


def _is_local(lower: str) -> bool:
    return re.search(r"https?://(?:localhost|127\.|\[::1\])", lower) is not None
