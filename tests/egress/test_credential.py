"""Keys go in at their placeholder, and never come back."""

import secrets
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.core.reason import Refusal
from stopper.egress.credential import Credential, Mask, inject
from stopper.egress.message import Headers

SECRET = "".join(secrets.choice(string.ascii_letters) for _ in range(24)).encode()
MARK = b"stopper-placeholder-x"
KEY = Credential("x", MARK, SECRET, frozenset({b"x-api-key", b"authorization"}), b"key")
NONE = Credential("x", MARK, b"", KEY.headers, b"key")

INJECTED: dict[str, tuple[bytes, Headers, bytes, Headers]] = {
    # what carries it               path and headers before                                   path and headers after
    "its own header":              (b"/v1",                [(b"x-api-key", MARK)],             b"/v1",                  [(b"x-api-key", SECRET)]),
    "a bearer":                    (b"/v1",                [(b"authorization", b"Bearer " + MARK)], b"/v1",             [(b"authorization", b"Bearer " + SECRET)]),
    "both":                        (b"/v1",                [(b"x-api-key", MARK), (b"authorization", MARK)], b"/v1",    [(b"x-api-key", SECRET), (b"authorization", SECRET)]),
    "a query":                     (b"/v1?key=" + MARK,    [],                                 b"/v1?key=" + SECRET,    []),
    "nothing: an own login":       (b"/v1",                [(b"authorization", b"Bearer own")], b"/v1",                 [(b"authorization", b"Bearer own")]),
    "a header that may not":       (b"/v1",                [(b"x-else", MARK)],                b"/v1",                  [(b"x-else", MARK)]),
    "another query":               (b"/v1?q=" + MARK,      [],                                 b"/v1?q=" + MARK,        []),
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "headers", "path_out", "headers_out"), INJECTED.values(), ids=INJECTED
)
def test_inject(path: bytes, headers: Headers, path_out: bytes, headers_out: Headers) -> None:
    assert inject(KEY, path, headers) == (path_out, headers_out)


def test_without_a_key_the_placeholder_is_refused() -> None:
    found = inject(NONE, b"/v1", [(b"x-api-key", MARK)])
    assert isinstance(found, Refusal)
    assert found.code == "credential.missing"


def test_a_key_shows_in_no_repr() -> None:
    assert SECRET.decode() not in f"{KEY!r} {KEY}"


@given(
    st.lists(st.one_of(st.just(SECRET), st.binary(max_size=6), st.just(SECRET[:9])), max_size=8),
    st.data(),
)
def test_an_echoed_key_is_masked_in_every_split(parts: list[bytes], data: st.DataObject) -> None:
    text = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    mask = Mask(SECRET)
    out = b"".join(
        mask.feed(text[start:end])
        for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)
    )
    out += mask.end()
    assert SECRET not in out
    assert out == text.replace(SECRET, b"*" * len(SECRET))


def test_clear_text_is_never_held_back() -> None:
    mask = Mask(SECRET)
    text = b"nothing of the kind \xff" * 9
    assert mask.feed(text) == text
