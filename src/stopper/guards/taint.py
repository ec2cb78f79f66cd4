"""What was read must not be sent: flows from secrets and from strangers' texts to the outside."""

import re
import shlex
from collections import deque
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from stopper.detect.commands import EffectKind, judge_command
from stopper.detect.decode import decoded_views
from stopper.detect.known import KnownValues
from stopper.detect.spelling import MAX_VALUE, check_value
from stopper.guards.config import Config, configure
from stopper.guards.models import ALLOWED, OFF, EnforcementLevel, GuardResult, block, enforced
from stopper.guards.texts import TooMuch, walk
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
    {"*credential*", "*keychain*", "*password*", "*secret*", "*vault*", "get_env*", "read_env*"}
)
DEFAULT_UNTRUSTED_TOOLS: Final = frozenset(
    {
        "*browse*", "*crawl*", "*inbox*", "*scrape*", "*web_search*", "download*", "fetch*",
        "get_email*", "get_issue*", "get_message*", "list_email*", "read_email*", "read_message*",
        "read_page*", "read_url*", "web_*",
    }
)  # fmt: skip
DEFAULT_OUTWARD_TOOLS: Final = frozenset(
    {
        "*email_send*", "*publish*", "*send_*", "*tweet*", "*upload*", "*webhook*", "add_comment*",
        "comment*", "create_issue*", "create_pull_request*", "http_post*", "post_*", "push*",
        "reply*", "send", "share*",
    }
)  # fmt: skip
DEFAULT_FETCHING_TOOLS: Final = frozenset(
    {"*browse*", "*navigate*", "download*", "fetch*", "http*", "open_url*", "read_url*", "web_*"}
)

_COMMANDS: Final = frozenset({"cmd", "code", "command", "script"})
_PATHS: Final = frozenset({"file", "file_path", "filename", "path"})
_SENDS: Final = frozenset({EffectKind.EXFILTRATE, EffectKind.NETWORK})

_GRAM: Final = 16
_STRIDE: Final = 8
_MAX_GRAMS: Final = 100_000
_MAX_TEXT: Final = _MAX_GRAMS * _STRIDE
_MAX_OUTPUTS: Final = 64
_MAX_TOOLS: Final = 1024
_MAX_TOKENS: Final = 256
_PLACES: Final = ("/", "~/", "./", "../", "http:", "https:")
_TOKEN = re.compile(r"[^\s=\"'`,;<>(){}\[\]]{8,%d}" % MAX_VALUE)  # noqa: UP031  braces
_SHOWN = b"abcdefghijklmnopqrstuvwxyz0123456789"
_LOWER = bytes(range(256)).lower()
_HIDDEN = bytes(byte for byte in range(128) if byte not in _SHOWN + _SHOWN.upper())


class TaintConfig(Config, frozen=True, kw_only=True):
    """Which tools read and which send, by patterns (`*`) of the last part of their names.

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


class _Source(Struct, frozen=True, eq=False):
    """One output that was remembered: the hashes of its stretches, and its secrets.

    What is not `whole` was too large to remember all of it, so anything may come from it.
    """

    tool: str
    is_secret: bool
    grams: frozenset[int] = frozenset()
    values: KnownValues | None = None
    whole: bool = True


class TaintGuard:
    """Remembers what was read, and looks for it in what is about to be sent.

    Texts are recognised by any 23 letters and digits in a row, also in other case, with other
    spaces and encoded; of what a secret tool returned, each word of eight characters or more that
    stands alone or has a digit is, in whatever spelling, whole or half. What a model writes in its
    own words is not recognised: `assume_flow` is for those who must be sure.

    Commands read and send by what they would do, and a file of credentials is a secret whatever
    tool reads it. What the call itself was given is not tainted by coming back.

    `check` counts nothing; outputs come through a chain, or by `record_output`. Of outputs only
    hashes are kept, of the last 64 and of about 800 KB of text; after a single one that is larger
    nothing goes out. Threads may share a guard.
    """

    def __init__(
        self, config: TaintConfig | None = None, *, key: bytes | None = None, **given: Any
    ) -> None:
        self.config = configure(TaintConfig, config, given)
        self._key = key or fresh_key()
        self._named = lru_cache(maxsize=_MAX_TOOLS)(self._role_of)
        self._lock = lock()
        self._sources: deque[_Source] = deque()
        self._size = 0
        self._read: dict[bool, str] = {}

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
        if self.config.assume_flow and assumed:
            return self._flow("taint.assumed", tool, assumed[0])
        try:
            source = _carried(args, sources) if sources else None
        except TooMuch:
            reason = "The arguments nest too deep or are too many to look for what was read"
            return enforced(self.config.mode, block("guard.too_much", reason))
        if source is None:
            return ALLOWED
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
        source = self._source(tool, args, output, is_secret=role.reads_secret)
        with self._lock:
            self._read[role.reads_secret] = tool
            self._sources.append(source)
            self._size += len(source.grams)
            while self._size > _MAX_GRAMS or len(self._sources) > _MAX_OUTPUTS:
                self._size -= len(self._sources.popleft().grams)

    def reset(self) -> None:
        """Forget all that was read."""
        with self._lock:
            self._sources.clear()
            self._read.clear()
            self._size = 0

    def _flow(self, code: str, tool: str, source: str) -> GuardResult:
        result = block(code, _REASONS[code].format(tool=tool, source=source), source=source)
        return enforced(self.config.mode, result)

    def _role(self, tool: str, args: dict[str, Any]) -> _Role:
        named, effects = self._named(tool), _effects(args)
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
        name = tool.replace("__", ".").rpartition(".")[2].lower()
        return _Role(
            _is_any(name, config.secret_tools),
            _is_any(name, config.untrusted_tools),
            _is_any(name, config.outward_tools),
            _is_any(name, config.fetching_tools),
        )

    def _source(self, tool: str, args: dict[str, Any], output: Any, *, is_secret: bool) -> _Source:
        try:
            texts = _values(output)
            given = _all_grams(_values(args), 1)
        except TooMuch:
            return _Source(tool, is_secret, whole=False)
        if sum(map(len, texts)) > _MAX_TEXT:
            return _Source(tool, is_secret, whole=False)
        values = self._secrets(texts) if is_secret else None
        return _Source(tool, is_secret, _all_grams(texts, _STRIDE) - given, values)

    def _secrets(self, texts: Iterable[bytes]) -> KnownValues | None:
        """The words of an output that can be told from other text."""
        words: dict[str, None] = {}
        for text in texts:
            value = text.decode("utf-8", "replace")
            for found in _TOKEN.finditer(value):
                word = found[0]
                if len(words) < _MAX_TOKENS and _is_telling(word, alone=word == value.strip()):
                    words[word] = None
        named = {f"word {number}": word for number, word in enumerate(words)}
        return KnownValues(named, self._key) if named else None


_REASONS: Final = {
    "taint.assumed": "'{tool}' sends something out after '{source}' was read",
    "taint.secret": "'{tool}' would send out what '{source}' returned, which is secret",
    "taint.untrusted": "'{tool}' would send out what '{source}' returned, which strangers wrote",
}


def _carried(args: Any, sources: list[_Source]) -> _Source | None:
    """The newest source that something in `args` comes from."""
    text = b"\n".join(_all_texts(args))
    views = decoded_views(text)
    if views.unprovable:  # anything may be below what was looked at
        return sources[-1]
    for source in reversed(sources):
        if not source.whole or (source.values and source.values.scan(text, views)):
            return source
    grams = _all_grams((text, *(view.data for view in views)), 1)
    return next((one for one in reversed(sources) if not grams.isdisjoint(one.grams)), None)


def _values(value: Any) -> list[bytes]:
    """The texts of a value, without its keys, which are the tool's own."""
    name = "a text that stands alone"
    return [text.encode("utf-8", "surrogatepass") for name, text in walk(value, name) if name]


def _all_texts(value: Any) -> Iterator[bytes]:
    return (text.encode("utf-8", "surrogatepass") for _, text in walk(value))


def _shown(text: bytes) -> bytes:
    """Letters and digits alone, in lower case, and all that is not ASCII."""
    return text.translate(_LOWER, _HIDDEN)


def _all_grams(texts: Iterable[bytes], stride: int) -> frozenset[int]:
    return frozenset(gram for text in texts for gram in _grams(_shown(text), stride))


def _grams(shown: bytes, stride: int) -> Iterator[int]:
    return (hash(shown[at : at + _GRAM]) for at in range(0, len(shown) - _GRAM + 1, stride))


def _is_telling(word: str, *, alone: bool) -> bool:
    """Whether it is a secret rather than a path, an address or, among others, a common word."""
    if word.startswith(_PLACES) or not (alone or any(map(str.isdigit, word))):
        return False
    try:
        check_value("a word", word)
    except ValueError:
        return False
    return True


def _is_any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _effects(args: dict[str, Any]) -> frozenset[EffectKind]:
    """What commands among the arguments do, and what reading a file that is named there does."""
    found: set[EffectKind] = set()
    for name, value in args.items():
        if isinstance(value, str):
            if name in _COMMANDS:
                found |= judge_command(value).kinds
            elif name in _PATHS:
                found |= judge_command(f"cat -- {shlex.quote(value)}").kinds
    return frozenset(found)
