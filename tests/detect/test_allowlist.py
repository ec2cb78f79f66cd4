"""An entry allows one whole value, perhaps to one place and for a time, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from stopper.detect.allowlist import Allowed, Allowlist
from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.rules import fill

KEY = b"a key for tests"
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)
TOKEN = fill("ghp_{alnum:36}")
INSPECTOR = Inspector(packaged_detector(KEY))

CASES = {
    # what is sent                  text             host of the entry    until     host               allowed
    "the very value":               (TOKEN,          None,                None,     "any.example",     True),
    "to nobody knows where":        (TOKEN,          None,                None,     None,              True),
    "among other text":             (f"x {TOKEN} y", None,                None,     "any.example",     True),
    "a longer one":                 (f"{TOKEN}a",    None,                None,     "any.example",     False),
    "one that begins with it":      (f"{TOKEN}{TOKEN[4:]}", None,         None,     "any.example",     False),
    "another one":                  (TOKEN[:-1] + "_", None,              None,     "any.example",     False),
    "to its host":                  (TOKEN,          "api.example",       None,     "api.example",     True),
    "to its host, dotted":          (TOKEN,          "api.example",       None,     "API.example.",    True),
    "to another host":              (TOKEN,          "api.example",       None,     "example",         False),
    "below its host":               (TOKEN,          "api.example",       None,     "x.api.example",   False),
    "to a host that ends alike":    (TOKEN,          "api.example",       None,     "notapi.example",  False),
    "below a star":                 (TOKEN,          "*.example",         None,     "x.api.example",   True),
    "to the name behind a star":    (TOKEN,          "*.example",         None,     "example",         False),
    "bound, to nobody knows where": (TOKEN,          "api.example",       None,     None,              False),
    "in time":                      (TOKEN,          None,                LATER,    "any.example",     True),
    "at the last moment":           (TOKEN,          None,                NOW,      "any.example",     False),
    "too late":                     (TOKEN,          None,                EARLIER,  "any.example",     False),
}  # fmt: skip


@pytest.mark.parametrize(("text", "bound", "until", "host", "allowed"), CASES.values(), ids=CASES)
def test_what_is_allowed(
    text: str, bound: str | None, until: datetime | None, host: str | None, allowed: bool
) -> None:
    """Each row is allowed exactly where its last column says so."""
    allowlist = Allowlist([Allowed.value(TOKEN.encode(), KEY, bound, until)])
    findings = INSPECTOR.inspect(text).findings
    assert findings or not allowed
    assert all(allowlist.permits(one, host, NOW) for one in findings) == (allowed or not findings)


def test_an_allowed_value_hides_no_other() -> None:
    allowlist = Allowlist([Allowed.value(TOKEN.encode(), KEY)])
    other = fill("ghp_{alnum:36}", "other")
    findings = INSPECTOR.inspect(f"{TOKEN} {other}").findings
    assert [allowlist.permits(one, None, NOW) for one in findings] == [True, False]


def test_several_entries_for_one_value() -> None:
    value = TOKEN.encode()
    allowlist = Allowlist([Allowed.value(value, KEY, host) for host in ("a.example", "b.example")])
    (one,) = INSPECTOR.inspect(TOKEN).findings
    hosts = ("a.example", "b.example", "c.example")
    assert [allowlist.permits(one, host, NOW) for host in hosts] == [True, True, False]


def test_another_key_allows_nothing() -> None:
    (one,) = INSPECTOR.inspect(TOKEN).findings
    assert not Allowlist([Allowed.value(TOKEN.encode(), b"another")]).permits(one, None, NOW)
    assert not Allowlist().permits(one, None, NOW)


def test_an_entry_does_not_hold_its_value() -> None:
    assert TOKEN[4:12] not in repr(Allowed.value(TOKEN.encode(), KEY))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Allowed.value(TOKEN.encode(), KEY, until=datetime(2026, 1, 1))  # noqa: DTZ001  that is the fault
