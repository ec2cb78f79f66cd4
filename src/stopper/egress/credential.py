"""Real keys stay outside: a placeholder goes in, the key replaces it on its provider's route."""

from msgspec import Struct

from stopper.core.reason import Refusal, refuse
from stopper.egress.message import Headers

__all__ = ["Credential", "Mask", "inject"]


class Credential(Struct, frozen=True):
    """A provider's key, bound to the upstream it is for.

    `headers` are the lower-case names of request headers that may carry it; `query` is the name
    of a query parameter that may, empty for none. `secret` is empty where no key is set outside.
    """

    provider: str
    placeholder: bytes
    secret: bytes
    headers: frozenset[bytes]
    query: bytes = b""

    def __repr__(self) -> str:
        return f"Credential({self.provider!r}, {'set' if self.secret else 'missing'})"


def inject(
    credential: Credential, target: bytes, headers: Headers
) -> tuple[bytes, Headers] | Refusal:
    """Put the key where the placeholder stands.

    A request without the placeholder passes as it is: it carries the agent's own login, or none.
    """
    mark, secret = credential.placeholder, credential.secret
    in_headers = [
        place
        for place, (name, value) in enumerate(headers)
        if name in credential.headers and mark in value
    ]
    in_query = bool(credential.query) and credential.query + b"=" + mark in target
    if not (in_headers or in_query):
        return target, headers
    if not secret:
        return refuse("credential.missing", credential.provider)
    if in_query:
        target = target.replace(mark, secret)
    headers = [*headers]
    for place in in_headers:
        name, value = headers[place]
        headers[place] = name, value.replace(mark, secret)
    return target, headers


class Mask:
    """Replaces a key that an upstream echoes by as many asterisks, in any split of the bytes.

    Only a tail that may still become the key is held back, so other text is never delayed.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._stars = b"*" * len(secret)
        self._tail = b""

    def redact(self, headers: Headers) -> Headers:
        """Headers without the key."""
        return [(name, value.replace(self._secret, self._stars)) for name, value in headers]

    def feed(self, data: bytes) -> bytes:
        """Take bytes; give what is clear to go on."""
        data = (self._tail + data).replace(self._secret, self._stars)
        keep = self._partial(data)
        self._tail = data[len(data) - keep :]
        return data[: len(data) - keep] if keep else data

    def end(self) -> bytes:
        """What was held back, which is now known not to be the key."""
        tail, self._tail = self._tail, b""
        return tail

    def _partial(self, data: bytes) -> int:
        """How many of the last bytes are a beginning of the key."""
        if data[-1:] not in self._secret:
            return 0
        start = data.find(self._secret[:1], max(0, len(data) - len(self._secret) + 1))
        while start >= 0:
            if self._secret.startswith(data[start:]):
                return len(data) - start
            start = data.find(self._secret[:1], start + 1)
        return 0
