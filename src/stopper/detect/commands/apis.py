"""Requests to what keeps or runs something: clusters, stores, engines of containers, providers."""

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from stopper.detect.commands.queries import note_sql
from stopper.detect.commands.redirects import is_here
from stopper.detect.commands.stages import is_named_live, is_tested
from stopper.detect.commands.tables import controls
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["note_request"]

_MAX_BODY: Final = 4096
_MAX_BODIES: Final = 4
_READING: Final = frozenset({"", "GET", "HEAD", "OPTIONS"})
_WRITING: Final = frozenset({"PATCH", "PUT", "POST"})
_STORE: Final = lazy(r":(?:9200|5984|6333|7700|8086|8529|8108|15672)(?:/|$)")
"""The ports of stores that delete whole tables over HTTP."""
_SEARCH: Final = lazy(r"[^/]{1,200}:9200/")
_SEARCH_STOPS: Final = lazy(
    r"_cluster/(?:settings|reroute|voting_config_exclusions)|_nodes/shutdown|_settings"
    r"|[^/]{1,200}/(?:_settings|_close|_freeze)"
)
_CLUSTER: Final = lazy(
    r"(?:k8s/clusters/[^/]{1,99}+/)?+(?:api/v1/(?:namespaces|nodes|persistentvolumes)|apis/[\w.-]{1,99}/v\d\w{0,9})(?:/|$)"
)
"""What the API of a cluster keeps, wherever it is asked."""
_SCALED: Final = lazy(
    r"[\"']?/?(?:spec/)?replicas[\"']?(?:\s{0,9},\s{0,9}\"value\")?\s{0,9}:\s{0,9}0\b"
)
_BINDINGS: Final = lazy(
    r"apis/rbac\.authorization\.k8s\.io/[^/]{1,20}/[^?]{0,200}(?:role)?bindings?\b"
)
_ENGINE: Final = lazy(r"[^/]{1,200}:237[56]/(?:v[\d.]{1,9}/)?[a-z]")
"""An engine of containers that answers whoever asks, and does all that root may."""
_CONSUL: Final = lazy(r"(?:[^/]{1,200}:850[01]|consul[\w.-]{0,99}(?::\d{1,5})?)/v1/")
_CONSUL_STOPS: Final = lazy(
    r"v1/(?:agent/(?:leave|force-leave|maintenance|(?:service|check)/deregister)|catalog/deregister"
    r"|snapshot|operator/)"
)
_ETCD: Final = lazy(r"[^/]{1,200}:(?:2379|4001)/v[23]")
_ETCD_DELETES: Final = lazy(r"v3\w{0,6}/(?:kv/deleterange|maintenance/)")
_QUERIED: Final = lazy(r"[^/]{1,200}:8123/|[^/]{1,200}/(?:query|db/execute|_sql)\b")
"""Stores that are asked in SQL, or in what resembles it."""
_QUERY: Final = lazy(r"(?:[?&]|\A)(?:query|q|sql)=([^&]{1,4096})")
_EMPTIES: Final = lazy(
    r"/admin/tsdb/delete_series|/solr/.{0,400}delete.{0,99}\*:\*|:7474/.{0,999}\bdetach\s+delete\b",
    re.IGNORECASE | re.DOTALL,
)
"""Requests that empty stores without SQL."""
_MANY: Final = lazy(r"[?&](?:recurse|recursive)\b")
_SERVICES: Final = lazy(
    r"DELETE [^/]{1,200}(?::4646/v1/(?:job|volume|namespace|node)\b|:8200/v1/|:8083/connectors/"
    r"|/v2/\S{1,200}/(?:manifests|blobs)/|/api/(?:dashboards|datasources|folders)/"
    r"|/api/v1/applications/)"
    r"|(?:PUT|POST) [^/]{1,200}(?:/actuator/(?:shutdown|restart)\b"
    r"|:4646/v1/(?:system/|operator/|node/[^/]{1,99}/(?:drain|eligibility|purge))"
    r"|/v1/sys/(?:seal|step-down|rotate|policies|policy|auth|mounts|rekey|raw)\b"
    r"|(?:/[^?\s]{0,200})?/(?:doDelete|safeRestart|safeExit|quietDown|scriptText)\b)"
)
"""What schedulers, vaults, registries and build servers are told to stop, to delete or to run."""
_REFS: Final = lazy(
    r"/git/refs/|/branches/|/repository/(?:branches|tags)/|/refs/(?:heads|tags|branches)"
)
_MOVES: Final = lazy(r"[\"']?(?:force|sha|target|newObjectId|hash)[\"']?\s{0,9}[:=]", re.IGNORECASE)


def note_request(
    shell: "Shell", method: str, url: str, host: str, bodies: tuple[str, ...] = ()
) -> None:
    """Note what a request does to what the API at `url` keeps or runs; reading does nothing."""
    method = method.upper()
    if method in _READING:
        return
    place = url.partition("://")[2] or url
    path = place.partition("/")[2]
    body = " ".join(bodies)[:_MAX_BODY]
    near = is_here(host) and not shell.forwards
    if _ENGINE.match(place):
        shell.add(EffectKind.PRIVILEGE, url, Scope.ROOT, "command.asks_service")
    _note_refs(shell, method, url, body, near=is_here(host))
    _note_settings(shell, method, url, near=near)
    _note_query(shell, place, bodies)
    if method == "DELETE":
        _note_deletion(shell, url, host)
    elif _CLUSTER.match(path):
        if _SCALED.search(body) or path.partition("?")[0].endswith("/eviction"):
            shell.add(EffectKind.INFRASTRUCTURE, url, Scope.REMOTE, "command.stops_service")
        elif _BINDINGS.match(path):
            shell.add(EffectKind.PRIVILEGE, url, Scope.REMOTE, "command.grants_rights")


def _note_refs(shell: "Shell", method: str, url: str, body: str, *, near: bool) -> None:
    """A branch or a tag that an API is told to move or to delete."""
    if near or not _REFS.search(url):
        return
    if method == "DELETE" or (method in _WRITING and _MOVES.search(body)):
        shell.add(EffectKind.HISTORY_REWRITE, url, Scope.REMOTE, "command.deletes_over_api")


def _note_settings(shell: "Shell", method: str, url: str, *, near: bool) -> None:
    """What all services of a company read, or run by, changed or deleted."""
    place = url.partition("://")[2] or url
    path = place.partition("/")[2]
    deletes, many = method == "DELETE", _MANY.search(url) is not None
    if _CONSUL.match(place):
        hit = (deletes and (many or not near)) or _CONSUL_STOPS.match(path) or not near
    elif _ETCD.match(place):
        ranged = _ETCD_DELETES.match(path) is not None
        hit = ranged or (deletes and (many or not near)) or (not near and "/range" not in path)
    else:
        stops = _SEARCH.match(place) and _SEARCH_STOPS.match(path)
        hit = not near and bool(stops or _SERVICES.match(f"{method} {place}"))
    if hit:
        reason = "command.deletes_over_api" if deletes else "command.changes_over_api"
        shell.add(EffectKind.INFRASTRUCTURE, url, Scope.REMOTE, reason)


def _note_query(shell: "Shell", place: str, bodies: tuple[str, ...]) -> None:
    """What a store is asked to do with its tables."""
    if _EMPTIES.search(f"{place} {' '.join(bodies)}"[:_MAX_BODY]):
        shell.add(EffectKind.DATABASE, place, Scope.REMOTE, "command.database_destroys")
    if not _QUERIED.match(place):
        return
    for text in (place, *bodies[:_MAX_BODIES]):
        query = _QUERY.search(text)
        if query is not None or text is not place:
            note_sql(shell, unquote_plus(query[1]) if query else text.strip("[]\"' "), None)


def _note_deletion(shell: "Shell", url: str, host: str) -> None:
    """A DELETE of all that an index holds, or of what an account holds at its provider."""
    path = (url.partition("://")[2] or url).partition("/")[2].partition("?")[0].strip("/")
    if is_here(host) and is_tested(path) and not shell.forwards:
        return
    if _STORE.search(url) and "/_doc/" not in f"/{path}/":
        shell.add(EffectKind.DATABASE, url, Scope.REMOTE, "command.database_destroys")
    elif path == "_all" or "*" in path:
        shell.add(EffectKind.DATABASE, url, Scope.REMOTE, "command.deletes_over_api")
    elif controls(host) or _CLUSTER.match(path) or is_named_live(host):
        shell.add(EffectKind.INFRASTRUCTURE, url, Scope.REMOTE, "command.deletes_over_api")
