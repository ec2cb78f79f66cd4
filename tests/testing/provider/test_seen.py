import secrets
from collections.abc import Callable
from hashlib import sha256

from stopper.testing.provider import Remote, fingerprint

Post = Callable[..., tuple[int, dict[str, str], bytes]]

BODY = {
    "model": "m",
    "max_tokens": 7,
    "stream": False,
    "messages": [{"role": "user", "content": "x"}],
}


def test_credentials_are_shown_as_hashes(provider: Remote, post: Post) -> None:
    """Wherever a credential stands, the same beginning of its hash is all that is shown."""
    credential = secrets.token_urlsafe(32)
    shown = sha256(credential.encode()).hexdigest()[:16]
    assert fingerprint(credential) == fingerprint(f"Bearer {credential}") == shown
    for name in ("authorization", "x-api-key", "api-key", "x-goog-api-key"):
        post("/v1/messages", BODY, {name: credential, "cookie": credential})
    post("/v1/messages", BODY, {"authorization": f"Bearer {credential}"})
    rows = provider.requests()
    assert {row.authorization_sha256 for row in rows} == {shown}
    assert rows[0].headers["cookie"] == shown
    assert credential not in str(rows)


def test_requests_are_remembered(provider: Remote, post: Post) -> None:
    """Method, path, size and limits, whatever became of the request."""
    post("/v1/messages?beta=true", BODY)
    post("/v1/chat/completions", {"model": "m"})
    post("/nowhere", {})
    first, second, third = provider.requests()
    assert (first.method, first.path, first.model) == ("POST", "/v1/messages?beta=true", "m")
    assert first.limits == {"max_tokens": 7, "stream": False}
    assert (second.model, second.authorization_sha256, third.path) == ("", "", "/nowhere")
