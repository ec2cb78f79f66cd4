"""What was read must not be sent: flows from secrets and from strangers' texts to the outside."""

import shlex
from collections import deque
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from stopper.data.tools import load_tool_words, words_of
from stopper.detect.commands import EffectKind, judge_command
from stopper.detect.outward import calls_out, goes_out
from stopper.detect.readings import MAX_READINGS
from stopper.guards.classify import runs_of
from stopper.guards.config import Config, configure
from stopper.guards.models import ALLOWED, OFF, EnforcementLevel, GuardResult, block, enforced
from stopper.guards.telling import Kind, Told, told_in
from stopper.guards.texts import TooMuch, walk
from stopper.guards.traces import MAX_GRAMS, Source, carried, trace
from stopper.guards.world import fresh_key, lock

__all__ = [
    "DEFAULT_FETCHING_TOOLS",
    "DEFAULT_OUTWARD_TOOLS",
    "DEFAULT_SECRET_TOOLS",
    "DEFAULT_UNTRUSTED_TOOLS",
    "TaintConfig",
    "TaintGuard",
]

DEFAULT_SECRET_TOOLS: Final = frozenset(
    {
        "*_environ", "*access_token", "*api_key*", "*apikey*", "*auth_token", "*bearer_token",
        "*credential*", "*env_var*", "*keychain*", "*oauth_token", "*password*", "*private_key*",
        "*refresh_token", "*secret*", "*session_token", "*signing_key*", "*ssh_key*", "*vault*",
        "environ", "fetch_token", "get_env*", "get_token", "getenv*", "read_env*", "read_token",
    }
)  # fmt: skip
DEFAULT_UNTRUSTED_TOOLS: Final = frozenset(
    {
        "*browse*", "*crawl*", "*inbox*", "*scrape*", "*search_web*", "*web_page*", "*web_search*",
        "*webpage*", "*website*", "curl*", "download*", "fetch*", "get_email*", "get_issue*",
        "get_mail*", "get_message*", "get_page*", "get_url*", "http_get*", "list_email*",
        "list_message*", "open_url*", "read_email*", "read_issue*", "read_mail*", "read_message*",
        "read_page*", "read_url*", "web_*", "wget*",
    }
)  # fmt: skip
DEFAULT_OUTWARD_TOOLS: Final = frozenset(
    {
        "*_push", "*_send", "*_share", "*_submit", "*add_comment*", "*create_comment*",
        "*create_gist*", "*create_issue*", "*create_paste*", "*create_pull_request*",
        "*create_release*", "*edit_comment*", "*email_send*", "*forward_*", "*gist_create*",
        "*issue_create*", "*notify*", "*paste_create*", "*post_comment*", "*post_message*",
        "*publish*", "*push_*", "*reply_*", "*send_*", "*slack_message", "*submit_*", "*tweet*",
        "*update_comment*", "*update_gist*", "*update_issue*", "*upload*", "*webhook*",
        "*write_comment*", "comment*", "discord", "dm", "email", "email_user", "forward",
        "http_patch*", "http_post*", "http_put*", "mail", "message", "message_user", "post",
        "post_*", "push*", "reply*", "send", "share*", "slack", "sms", "submit", "telegram",
        "whatsapp",
    }
)  # fmt: skip
DEFAULT_FETCHING_TOOLS: Final = frozenset(
    {
        "*browse*", "*call_api", "*navigate*", "*search_internet*", "*search_web*", "*web_page*",
        "*webpage*", "api_call", "api_request", "curl*", "dns_*", "download*", "fetch*",
        "get_page*", "get_url*", "goto*", "http*", "make_request", "nslookup", "open_page*",
        "open_url*", "ping", "read_page*", "read_url*", "request", "visit*", "web_*", "wget*",
        "whois*",
    }
)  # fmt: skip

_PATHS: Final = frozenset(
    {
        "file", "filename", "filenames", "filepath", "filepaths", "files", "location", "path",
        "paths", "uri", "uris",
    }
)  # fmt: skip
_FILE: Final = "file://"
_SENDS: Final = frozenset({EffectKind.EXFILTRATE, EffectKind.NETWORK})
_WRITING: Final = frozenset[str]().union(*load_tool_words()["methods"].values())

_MAX_OUTPUTS: Final = 1024
_MAX_TOOLS: Final = 1024
_MAX_NAME: Final = 72


class TaintConfig(Config, frozen=True, kw_only=True):
    """Which tools read and which send, by patterns (`*`) of the last part of their names.

    A name is compared as it is and by its words: `sendEmail` is `send_email`.

    What `secret_tools` return may reach neither `outward_tools` nor `fetching_tools`; what
    `untrusted_tools` return may not reach `outward_tools`, but links in it may be followed. With
    `assume_flow` the mere order counts: once such a thing was read, nothing goes out.
    """

    mode: EnforcementLevel = EnforcementLevel.BLOCK
    secret_tools: AbstractSet[str] = DEFAULT_SECRET_TOOLS
    untrusted_tools: AbstractSet[str] = DEFAULT_UNTRUSTED_TOOLS
    outward_tools: AbstractSet[str] = DEFAULT_OUTWARD_TOOLS
    fetching_tools: AbstractSet[str] = DEFAULT_FETCHING_TOOLS
    assume_flow: bool = False


class _Role(Struct, frozen=True):
    """What a call does as far as flows are concerned."""

    reads_secret: bool
    reads_untrusted: bool
    sends: bool
    fetches: bool


class TaintGuard:
    """Remembers what was read, and looks for it in what is about to be sent.

    Texts are recognised by any 23 letters and digits in a row, also in other case, with other
    spaces and encoded; of what a secret tool returned, each word of eight characters or more that
    stands alone or has a digit is, in whatever spelling, whole or half. What a model writes in its
    own words is not recognised: `assume_flow` is for those who must be sure.

    Commands, code and methods of HTTP read and send by what they would do, be it to ask for the
    address of a name, and a file of credentials is a secret whatever tool reads it. What the call
    itself was given is not tainted by coming back.

    `check` counts nothing; outputs come through a chain, or by `record_output`. Of outputs only
    hashes are kept, of 1024 and of about 3 MB of text, texts of strangers forgotten first. After
    one is forgotten, or a single one was larger than 800 KB, nothing goes out that might come from
    it, until `start_run`. Threads may share a guard.
    """

    def __init__(
        self, config: TaintConfig | None = None, *, key: bytes | None = None, **given: Any
    ) -> None:
        self.config = configure(TaintConfig, config, given)
        self._key = key or fresh_key()
        self._named = lru_cache(maxsize=_MAX_TOOLS)(self._role_of)
        self._lock = lock()
        self._sources: deque[Source] = deque()
        self._size = 0
        self._read: dict[bool, str] = {}
        self._forgotten: dict[bool, str] = {}

    def check(self, tool: str, args: dict[str, Any]) -> GuardResult:
        """Whether the arguments carry outside what was read before."""
        if self.config.mode is OFF or not self._read:
            return ALLOWED
        role = self._role(tool, args)
        if not (role.sends or role.fetches):
            return ALLOWED
        with self._lock:
            sources = [one for one in self._sources if one.is_secret or role.sends]
            assumed = [name for secret, name in self._read.items() if secret or role.sends]
            gone = [name for secret, name in self._forgotten.items() if secret or role.sends]
        if self.config.assume_flow and assumed:
            return self._flow("taint.assumed", tool, assumed[0])
        try:
            source = carried(args, sources) if sources else None
        except TooMuch:
            reason = "The arguments nest too deep or are too many to look for what was read"
            return enforced(self.config.mode, block("guard.too_much", reason))
        if source is None:
            return self._flow("taint.forgotten", tool, gone[0]) if gone else ALLOWED
        code = "taint.secret" if source.is_secret else "taint.untrusted"
        return self._flow(code, tool, source.tool)

    def check_output(self, tool: str, args: dict[str, Any], output: Any) -> GuardResult:
        """Remember the output; it is always allowed."""
        self.record_output(tool, args, output)
        return ALLOWED

    def admit_output(self, tool: str, args: dict[str, Any], output: Any) -> GuardResult:
        """The same as `check_output`, for a chain."""
        return self.check_output(tool, args, output)

    def record_output(self, tool: str, args: dict[str, Any], output: Any) -> None:
        """Remember what a call returned, if what it reads must not go out."""
        if self.config.mode is OFF:
            return
        role = self._role(tool, args)
        if not (role.reads_secret or role.reads_untrusted):
            return
        source = trace(tool, args, output, self._key, is_secret=role.reads_secret)
        with self._lock:
            self._read[role.reads_secret] = tool
            self._sources.append(source)
            self._size += len(source.grams)
            while self._size > MAX_GRAMS or len(self._sources) > _MAX_OUTPUTS:
                self._forget()

    def start_run(self) -> None:
        """Forget all that was read; a mere turn forgets nothing."""
        with self._lock:
            self._sources.clear()
            self._read.clear()
            self._forgotten.clear()
            self._size = 0

    def _forget(self) -> None:
        """Forget the oldest output of strangers, or of all; what might come from it may not go."""
        oldest = next((one for one in self._sources if not one.is_secret), self._sources[0])
        self._sources.remove(oldest)
        self._size -= len(oldest.grams)
        self._forgotten[oldest.is_secret] = oldest.tool

    def _flow(self, code: str, tool: str, source: str) -> GuardResult:
        result = block(code, _REASONS[code].format(tool=tool, source=source), source=source)
        return enforced(self.config.mode, result)

    def _role(self, tool: str, args: dict[str, Any]) -> _Role:
        named = self._named(tool)
        try:
            effects = _effects(tool, args)
        except TooMuch:  # nobody knows what it does
            return _Role(True, True, True, True)
        if not effects:
            return named
        return _Role(
            named.reads_secret or EffectKind.CREDENTIAL_READ in effects,
            named.reads_untrusted or EffectKind.NETWORK in effects,
            named.sends or EffectKind.EXFILTRATE in effects,
            named.fetches or not _SENDS.isdisjoint(effects),
        )

    def _role_of(self, tool: str) -> _Role:
        """What the name alone says."""
        config = self.config
        last = tool.replace("__", ".").rpartition(".")[2]
        names = {last.lower(), "_".join(words_of(last))}
        return _Role(
            _is_any(names, config.secret_tools),
            _is_any(names, config.untrusted_tools),
            _is_any(names, config.outward_tools),
            _is_any(names, config.fetching_tools),
        )


_REASONS: Final = {
    "taint.forgotten": "'{tool}' sends something out, and what '{source}' returned was too much to "
    "remember: nobody knows whether it comes from there",
    "taint.assumed": "'{tool}' sends something out after '{source}' was read",
    "taint.secret": "'{tool}' would send out what '{source}' returned, which is secret",
    "taint.untrusted": "'{tool}' would send out what '{source}' returned, which strangers wrote",
}


def _is_any(names: Iterable[str], patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


def _effects(tool: str, args: dict[str, Any]) -> frozenset[EffectKind]:
    """What commands among the arguments do, and what reading the files that are named there does.

    TooMuch where there are more than anybody judges.
    """
    every = list(islice(told_in(args, replace(runs_of(tool), code=True)), MAX_READINGS + 1))
    if len(every) > MAX_READINGS:
        raise TooMuch
    found = set[EffectKind]().union(*map(_effects_of, every))
    paths = [text.removeprefix(_FILE) for name, text in walk(args) if _is_path(name)]
    if paths:
        found |= judge_command(f"cat -- {shlex.join(paths)}").kinds
    return frozenset(found)


def _effects_of(told: Told) -> frozenset[EffectKind]:
    """What one text does: code may be a command as well, and so may a script."""
    kind, text = told.kind, told.text
    if kind is Kind.SQL:
        return frozenset()
    if kind is Kind.METHOD:
        is_sending = text.strip().lower() in _WRITING
        return frozenset({EffectKind.EXFILTRATE} if is_sending else ())
    found = judge_command(text).kinds | (calls_out(text) if kind is Kind.CODE else goes_out(text))
    if kind is Kind.CODE or kind is Kind.SCRIPT:
        found |= judge_command(f"python3 -c {shlex.quote(text)}").kinds
    return found


@lru_cache(maxsize=_MAX_TOOLS)
def _is_path(name: str) -> bool:
    words = words_of(name[:_MAX_NAME])
    return bool(words) and words[-1] in _PATHS
