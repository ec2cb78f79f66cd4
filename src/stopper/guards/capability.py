"""Capability tokens: one person's signed permission for another's call, for a while, once."""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, Protocol
from unicodedata import category, normalize

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from stopper.core.reason import Refusal
from stopper.errors import SettingsError
from stopper.guards.canonical import NO_SPELLING, digest
from stopper.guards.world import Clock, fresh_key, lock, wall_ms

__all__ = [
    "Capability", "Key", "UsedCapabilities", "UsedStore", "issue_capability", "read_capability",
]  # fmt: skip

Key = bytes | Ed25519PrivateKey | Ed25519PublicKey
"""A secret of at least 32 bytes for HMAC-SHA256, or half of an Ed25519 pair: the public one reads,
the private one issues and reads."""

MAX_TOKEN: Final = 4096
MAX_LIFETIME_MS: Final = 24 * 60 * 60 * 1000
"""A token that is good for longer is refused, so that used ones can be forgotten one day."""
MAX_USED: Final = 100_000

_MIN_KEY: Final = 32
_HMAC: Final = "cap-h1"
_ED25519: Final = "cap-e1"
_NONCE: Final = 16
# Marks and letters that have no shape, besides those of the category Cf.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


class Capability(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Permission to call `tool` with arguments of this SHA-256, until `expires_ms`, once.

    `approver` gave it, and `policy` is the version of the rules under which it was asked for.
    """

    tool: str
    args_hash: str
    expires_ms: int
    nonce: str
    approver: str
    policy: str


def issue_capability(
    key: Key,
    tool: str,
    args: Mapping[str, Any],
    *,
    lifetime_ms: int,
    approver: str,
    policy: str = "",
    clock: Clock = wall_ms,
    nonce: str | None = None,
) -> str:
    """A token for exactly this call, to be given as the argument `_capability_token` of it.

    `approver` is the name of who permits it, which is never who asks. SettingsError where it is
    empty, for a key that cannot sign, is too short or is none, for a lifetime out of bounds, and
    for what is no text where one is needed; one of
    `canonical.NO_SPELLING` for arguments that are no plain data, or nest without end.
    """
    check_key(key)
    for name, text in (("tool", tool), ("approver", approver), ("policy", policy)):
        if not isinstance(text, str):
            raise SettingsError(f"{name}: read a {type(text).__name__}; use a text")
    if not _person(approver):
        raise SettingsError("approver: name the person who permits this call")
    if type(lifetime_ms) is not int or not 0 < lifetime_ms <= MAX_LIFETIME_MS:
        raise SettingsError(
            f"lifetime_ms: read {lifetime_ms!r}; use a whole number from 1 to {MAX_LIFETIME_MS}"
        )
    if isinstance(key, Ed25519PublicKey):
        raise SettingsError("a public key cannot issue a capability; use the private one")
    capability = Capability(
        tool,
        digest(args),
        clock() + lifetime_ms,
        nonce or fresh_key()[:_NONCE].hex(),
        approver,
        policy,
    )
    body = f"{_kind(key)}.{_text(msgspec.json.encode(capability))}"
    return f"{body}.{_text(_signed(key, body.encode()))}"


def read_capability(
    key: Key,
    token: Any,
    tool: str,
    args: Mapping[str, Any] | None,
    now_ms: int,
    *,
    requester: str,
    policy: str = "",
) -> Capability | Refusal:
    """The capability in `token`, if it is genuine and for this call at this time.

    `args` is None as long as nobody knows what they will be; then those of the token do not count.
    Nobody may permit what they ask for: `requester` is refused where it is empty, or is the
    approver, whatever the letters' case and width.
    """
    if not isinstance(token, str) or not token:
        return Refusal("capability.missing")
    capability = _genuine(key, token)
    if capability is None:
        return Refusal("capability.forged")
    if not now_ms < capability.expires_ms <= now_ms + MAX_LIFETIME_MS:
        return Refusal("capability.expired")
    if capability.tool != tool:
        return Refusal("capability.other_tool")
    if args is not None and not _is_for(capability, args):
        return Refusal("capability.other_arguments")
    if capability.policy != policy:
        return Refusal("capability.other_policy")
    if not _person(requester):
        return Refusal("capability.no_requester")
    if _person(capability.approver) in {"", _person(requester)}:
        return Refusal("capability.self_approved")
    return capability


class UsedStore(Protocol):
    """Who remembers which capabilities were used, by their nonces, at least until `expires_ms`.

    One in a shared back end makes a token good for once in many processes. Each method answers at
    once, for any thread; what it raises blocks the call.
    """

    def __contains__(self, capability: Capability, /) -> bool:
        """Whether it was used."""

    def use(self, capability: Capability, now_ms: int) -> Refusal | None:
        """Use it up, in one step for all who share the store.

        `capability.used` where it was used before, `capability.too_many` where it could not be
        remembered.
        """

    def give_back(self, capability: Capability) -> None:
        """It was not used after all, by the caller of `use`."""


class UsedCapabilities:
    """A `UsedStore` for this process alone."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}
        self._lock = lock()

    def __contains__(self, capability: Capability) -> bool:
        return capability.nonce in self._used

    def use(self, capability: Capability, now_ms: int) -> Refusal | None:
        """Use it up; refused where it was used before, or where no more can be remembered."""
        with self._lock:
            if capability.nonce in self._used:
                return Refusal("capability.used")
            if len(self._used) >= MAX_USED:
                self._used = {n: until for n, until in self._used.items() if until > now_ms}
            if len(self._used) >= MAX_USED:
                return Refusal("capability.too_many")
            self._used[capability.nonce] = capability.expires_ms
        return None

    def give_back(self, capability: Capability) -> None:
        """It was not used after all."""
        with self._lock:
            self._used.pop(capability.nonce, None)


def check_key(key: Key) -> None:
    """SettingsError for what is no key, and for one that somebody could guess."""
    if not isinstance(key, Key):
        raise SettingsError(
            f"the key is a {type(key).__name__}; use at least {_MIN_KEY} random bytes, or an "
            "Ed25519 key"
        )
    if isinstance(key, bytes) and len(key) < _MIN_KEY:
        raise SettingsError(f"the key has {len(key)} bytes; use at least {_MIN_KEY}")


def _is_for(capability: Capability, args: Mapping[str, Any]) -> bool:
    try:
        return hmac.compare_digest(capability.args_hash, digest(args))
    except NO_SPELLING:  # so no token was ever made for them
        return False


def _genuine(key: Key, token: str) -> Capability | None:
    body, _, written = token[:MAX_TOKEN].rpartition(".")
    kind, _, payload = body.partition(".")
    if kind != _kind(key):
        return None
    try:
        if not _is_signed(key, body.encode(), _bytes(written)):
            return None
        return msgspec.json.decode(_bytes(payload), type=Capability)
    except (ValueError, msgspec.DecodeError):
        return None


def _person(name: str) -> str:
    """A name as it is compared: `Ann ` and fullwidth `ANN` are one person, whatever nobody sees."""
    folded = _UNSEEN.sub("", normalize("NFKC", name).casefold())
    seen = "".join(one for one in folded if category(one) != "Cf")
    return " ".join(normalize("NFKC", seen).split())


def _kind(key: Key) -> str:
    """Named in the token and signed with it, so that no token passes for one of another kind."""
    check_key(key)
    return _HMAC if isinstance(key, bytes) else _ED25519


def _signed(key: Key, body: bytes) -> bytes:
    if isinstance(key, bytes):
        return hmac.digest(key, body, sha256)
    assert isinstance(key, Ed25519PrivateKey)  # noqa: S101  a public one was refused
    return key.sign(body)


def _is_signed(key: Key, body: bytes, written: bytes) -> bool:
    if isinstance(key, bytes):
        return hmac.compare_digest(hmac.digest(key, body, sha256), written)
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    try:
        public.verify(written, body)
    except InvalidSignature:
        return False
    return True


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
