"""What is known of a provider: its hosts, endpoints, credential and habits."""

import re
from enum import StrEnum
from fnmatch import fnmatchcase

from msgspec import Struct

__all__ = ["Endpoint", "ModelLimit", "OnDisconnect", "Provider"]


class OnDisconnect(StrEnum):
    """What to do upstream when the caller is gone: a provider that goes on billing is drained."""

    CANCEL = "cancel"
    DRAIN = "drain"


class Endpoint(Struct, frozen=True):
    """One kind of request. `path` is a regex over the whole path below the provider's base.

    `wire` names the format that meters it; None lets it pass unmetered because it costs nothing.
    """

    method: str
    path: str
    wire: str | None = None

    def matches(self, method: str, path: str) -> bool:
        """Whether a request with this method and path (no query) is of this kind."""
        return method == self.method and re.fullmatch(self.path, path) is not None


class ModelLimit(Struct, frozen=True):
    """The most output tokens of models with a matching name, for callers that set no limit."""

    match: str
    max_output: int

    def matches(self, model: str) -> bool:
        """Whether the shell-style pattern covers `model`."""
        return fnmatchcase(model, self.match)


class Provider(Struct, frozen=True):
    """A model API vendor.

    `base` is the URL below which its endpoints lie, empty where each account has its own; `hosts`
    are all names it is reached by, where a leading `*.` covers every name below.
    `key_env` are the variables that hold its API key outside the bottle, the first that is set
    wins; `key_headers` are the request headers that may carry it, in lower case, and
    `key_query` the query parameter that may; `key_prefix` is how its keys begin. `base_env` are
    the variables that its clients read their base URL from, with what they expect behind the
    gateway's path. `bare` are the paths that mean this provider when they come without a
    gateway's path; `agents` are other names a budget may use. `pricing` is the provider id that
    genai-prices knows.
    """

    name: str
    base: str
    hosts: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    agents: tuple[str, ...] = ()
    key_env: tuple[str, ...] = ()
    key_headers: tuple[str, ...] = ("authorization",)
    key_query: str = ""
    key_prefix: str = ""
    base_env: dict[str, str] = {}
    bare: tuple[str, ...] = ()
    pricing: str | None = None
    on_disconnect: OnDisconnect = OnDisconnect.CANCEL
    reasoning_extra: bool = False
    models: tuple[ModelLimit, ...] = ()

    @property
    def placeholder(self) -> str:
        """What stands for the API key inside a bottle."""
        return f"{self.key_prefix}stopper-placeholder-{self.name}"

    def serves(self, host: str) -> bool:
        """Whether `host` (lower case, no port) is a name of this provider."""
        return any(
            host.endswith(name[1:]) if name.startswith("*.") else host == name
            for name in self.hosts
        )

    def claims(self, path: str) -> bool:
        """Whether a request to this path means this provider without being told so."""
        return any(re.fullmatch(pattern, path) for pattern in self.bare)

    def endpoint(self, method: str, path: str) -> Endpoint | None:
        """The first endpoint that matches; None where Stopper does not know the request."""
        for endpoint in self.endpoints:
            if endpoint.matches(method, path):
                return endpoint
        return None

    def max_output(self, model: str) -> int | None:
        """The most output tokens `model` gives; None where no row matches."""
        for limit in self.models:
            if limit.matches(model):
                return limit.max_output
        return None
