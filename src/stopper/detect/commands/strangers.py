"""Names that say that a host, an account or a store is another's, and addresses without a name."""

import re
from typing import Final

from stopper.detect.lazy import lazy

__all__ = ["STRANGE_WORDS", "is_nameless", "is_stranger", "owner_is_stranger"]

STRANGE_WORDS: Final = (
    "unknown|anon(?:ymous)?|strangers?|untrusted|attacker|evil|exfil|loot|malicious|rogue"
)
_NAMED: Final = lazy(
    rf"(?<![a-z])(?:{STRANGE_WORDS}|random(?:user|dev|guy|person)?|some-?(?:user|one|body|guy|dev)"
    r"|nobody|hackers?|h[4a]x[0o]r\w{0,20}|malware|shady|sketchy|suspicious|pwn(?:ed|er)?"
    r"|bad-?(?:guy|actor)|throwaway|c2)(?![a-z])"
)
_OWNER: Final = re.compile(r"(?::\d{1,5})?[:/]{0,2}([\w.-]{1,60})/")
_NAMELESS: Final = re.compile(
    r"(?:^|@)(?!10\.|127\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|0\.0\.0\.0)"
    r"\d{1,3}(?:\.\d{1,3}){3}$"
)
_MAX_NAME: Final = 300


def is_stranger(name: str) -> bool:
    """Whether a name of a host or an account says that it is a stranger's."""
    return _NAMED.search(name[:_MAX_NAME].lower()) is not None


def owner_is_stranger(rest: str) -> bool:
    """Whether the account is a stranger's that stands first behind the host of an address."""
    owner = _OWNER.match(rest)
    return owner is not None and is_stranger(owner[1])


def is_nameless(host: str) -> bool:
    """Whether a host, or a login on it, is an address of the open net that nobody named."""
    return _NAMELESS.search(host) is not None
