import re
from typing import Any

import pytest
from genai_prices.data_snapshot import find_provider_by_id, get_snapshot

from stopper.data import load_providers, read_providers

PROVIDERS = load_providers()

REQUESTS = {
    # what is asked                        method    provider       path                                            wire, "free" or None
    "a message":                          ("POST",   "anthropic",   "/v1/messages",                                  "anthropic.messages"),
    "a count of tokens":                  ("POST",   "anthropic",   "/v1/messages/count_tokens",                     "free"),
    "a batch of messages":                ("POST",   "anthropic",   "/v1/messages/batches",                          None),
    "a file":                             ("POST",   "anthropic",   "/v1/files",                                     None),
    "the probe of Claude Code":           ("HEAD",   "anthropic",   "/",                                             "free"),
    "the probe without a slash":          ("HEAD",   "anthropic",   "",                                              "free"),
    "a model's page":                     ("GET",    "anthropic",   "/v1/models/claude-x",                           "free"),
    "a chat":                             ("POST",   "openai",      "/v1/chat/completions",                          "openai.chat"),
    "a response":                         ("POST",   "openai",      "/v1/responses",                                 "openai.responses"),
    "an embedding":                       ("POST",   "openai",      "/v1/embeddings",                                "openai.embeddings"),
    "a count for responses":              ("POST",   "openai",      "/v1/responses/input_tokens",                    "free"),
    "to stop a response":                 ("POST",   "openai",      "/v1/responses/resp_1/cancel",                   "free"),
    "a compaction, which costs":          ("POST",   "openai",      "/v1/responses/compact",                         None),
    "an image":                           ("POST",   "openai",      "/v1/images/generations",                        None),
    "a batch":                            ("POST",   "openai",      "/v1/batches",                                   None),
    "speech":                             ("POST",   "openai",      "/v1/audio/speech",                              None),
    "a chat under a longer path":         ("POST",   "openai",      "/v1/chat/completions/x",                        None),
    "a chat with another method":         ("PUT",    "openai",      "/v1/chat/completions",                          None),
    "a deployment's chat":                ("POST",   "azure",       "/openai/deployments/mine/chat/completions",     "openai.chat"),
    "Gemini's stream":                    ("POST",   "gemini",      "/v1beta/models/gemini-2.5-pro:streamGenerateContent", "gemini.generate"),
    "Gemini in one piece":                ("POST",   "gemini",      "/v1/models/gemini-2.5-pro:generateContent",     "gemini.generate"),
    "Gemini's count":                     ("POST",   "gemini",      "/v1beta/models/gemini-2.5-pro:countTokens",     "free"),
    "Gemini's batch":                     ("POST",   "gemini",      "/v1beta/models/gemini-2.5-pro:batchGenerateContent", None),
    "Gemini's cache, billed by the hour": ("POST",   "gemini",      "/v1beta/cachedContents",                        None),
    "Groq":                               ("POST",   "groq",        "/openai/v1/chat/completions",                   "openai.chat"),
    "xAI counts reasoning apart":         ("POST",   "xai",         "/v1/chat/completions",                          "openai.chat.xai"),
    "DeepSeek without a version":         ("POST",   "deepseek",    "/chat/completions",                             "openai.chat"),
    "DeepSeek for Claude Code":           ("POST",   "deepseek",    "/anthropic/v1/messages",                        "anthropic.messages"),
    "OpenRouter":                         ("POST",   "openrouter",  "/api/v1/chat/completions",                      "openai.chat"),
    "Ollama's chat":                      ("POST",   "ollama",      "/api/chat",                                     "ollama.chat"),
    "Ollama's generate":                  ("POST",   "ollama",      "/api/generate",                                 "ollama.chat"),
    "Ollama's list":                      ("GET",    "ollama",      "/api/tags",                                     "free"),
    "an Ollama download":                 ("POST",   "ollama",      "/api/pull",                                     None),
    "Bedrock's stream":                   ("POST",   "bedrock",     "/model/amazon.nova-pro-v1%3A0/converse-stream", "bedrock.converse"),
    "Bedrock's invoke":                   ("POST",   "bedrock",     "/model/amazon.nova-pro-v1%3A0/invoke",          "bedrock.invoke"),
    "Bedrock's asynchronous invoke":      ("POST",   "bedrock",     "/async-invoke",                                 None),
}  # fmt: skip


@pytest.mark.parametrize(("method", "provider", "path", "wire"), REQUESTS.values(), ids=REQUESTS)
def test_endpoint(method: str, provider: str, path: str, wire: str | None) -> None:
    """Each row is metered by its wire, free, or not known at all."""
    endpoint = PROVIDERS[provider].endpoint(method, path)
    assert (endpoint and (endpoint.wire or "free")) == wire


HOSTS = {
    # host                                             whose it is
    "api.anthropic.com":                               "anthropic",
    "api.openai.com":                                  "openai",
    "mine.openai.azure.com":                           "azure",
    "bedrock-runtime.eu-central-1.amazonaws.com":      "bedrock",
    "generativelanguage.googleapis.com":               "gemini",
    "openai.azure.com":                                None,
    "evilopenai.azure.com":                            None,
    "api.anthropic.com.example.com":                   None,
    "xapi.openai.com":                                 None,
    "s3.eu-central-1.amazonaws.com":                   None,
    "storage.googleapis.com":                          None,
}  # fmt: skip


@pytest.mark.parametrize(("host", "owner"), HOSTS.items(), ids=HOSTS)
def test_host(host: str, owner: str | None) -> None:
    """A host has one owner or none."""
    owners = [provider.name for provider in PROVIDERS.values() if provider.serves(host)]
    assert owners == ([owner] if owner else [])


BARE = {
    # path                                              whose it is
    "/v1/messages":                                     "anthropic",
    "/v1/messages/count_tokens":                        "anthropic",
    "/v1/chat/completions":                             "openai",
    "/v1/responses":                                    "openai",
    "/v1/responses/resp_1/cancel":                      "openai",
    "/v1/embeddings":                                   "openai",
    "/v1beta/models/gemini-2.5-pro:generateContent":    "gemini",
    "/api/chat":                                        "ollama",
    "/model/amazon.nova-pro-v1%3A0/converse":           "bedrock",
    "/v1/models":                                       None,
    "/":                                                None,
}  # fmt: skip


@pytest.mark.parametrize(("path", "owner"), BARE.items(), ids=BARE)
def test_bare_path(path: str, owner: str | None) -> None:
    """A path without a gateway's name means one provider or none."""
    owners = [
        provider.name
        for provider in PROVIDERS.values()
        if any(re.fullmatch(pattern, path) for pattern in provider.bare)
    ]
    assert owners == ([owner] if owner else [])


LIMITS = {
    # provider      model                                               most output
    "anthropic says it itself": ("anthropic", "claude-sonnet-4-5",             None),
    "the newest":               ("openai",    "gpt-5.2-codex",                 128_000),
    "a chat model of it":       ("openai",    "gpt-5-chat-latest",             16_384),
    "reasoning":                ("openai",    "o4-mini",                       100_000),
    "an old one":               ("openai",    "gpt-4o-2024-05-13",             4_096),
    "a newer one":              ("openai",    "gpt-4o-mini",                   16_384),
    "an unknown one":           ("openai",    "davinci-3000",                  None),
    "Gemini":                   ("gemini",    "gemini-2.5-flash",              65_535),
    "an older Gemini":          ("gemini",    "gemini-2.0-flash",              8_192),
    "Claude at a region":       ("bedrock",   "us.anthropic.claude-sonnet-4-20250514-v1:0", 64_000),
}  # fmt: skip


@pytest.mark.parametrize(("provider", "model", "most"), LIMITS.values(), ids=LIMITS)
def test_most_output(provider: str, model: str, most: int | None) -> None:
    """The first matching row gives the limit for callers that set none."""
    assert PROVIDERS[provider].max_output(model) == most


@pytest.mark.parametrize("name", PROVIDERS)
def test_shape(name: str) -> None:
    """What every row must hold for the egress to build on it."""
    provider = PROVIDERS[name]
    assert re.fullmatch(r"(https://[a-z0-9.-]+|http://127\.0\.0\.1:11434|)", provider.base)
    assert all(re.fullmatch(r"(\*\.)?[a-z0-9]+([.-][a-z0-9]+)+", host) for host in provider.hosts)
    assert all(header == header.lower() for header in provider.key_headers)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", key) for key in provider.key_env)
    assert all(re.fullmatch(r"(/[a-z0-9]+)*", suffix) for suffix in provider.base_env.values())
    assert provider.pricing is None or find_provider_by_id(
        get_snapshot().providers, provider.pricing
    )
    assert not provider.base or not provider.hosts or provider.serves(provider.base[8:])


DEFECTS: dict[str, tuple[dict[str, Any], str]] = {
    "a field that is not one": ({"a": {"base": "", "hosts": [], "endpoints": [], "prices": 1}}, "unknown fields: prices"),
    "a field that is missing": ({"a": {"base": "", "hosts": []}}, "endpoints"),
    "a path that is no regex": ({"a": {"base": "", "hosts": [], "endpoints": [{"method": "GET", "path": "("}]}}, "unterminated"),
    "a habit that is unknown": ({"a": {"base": "", "hosts": [], "endpoints": [], "on_disconnect": "hope"}}, "hope"),
    "a host given twice":      ({n: {"base": "", "hosts": ["x.y"], "endpoints": []} for n in "ab"}, "x.y"),
    "a host below a wildcard": ({"a": {"base": "", "hosts": ["z.x.y"], "endpoints": []}, "b": {"base": "", "hosts": ["*.x.y"], "endpoints": []}}, "z.x.y"),
    "the same wildcard twice": ({n: {"base": "", "hosts": ["*.x.y"], "endpoints": []} for n in "ab"}, "x.y"),
    "an agent of two":         ({n: {"base": "", "hosts": [], "endpoints": [], "agents": ["z"]} for n in "ab"}, "agent z"),
    "an agent named so":       ({"a": {"base": "", "hosts": [], "endpoints": [], "agents": ["b"]}, "b": {"base": "", "hosts": [], "endpoints": []}}, "agent b"),
}  # fmt: skip


@pytest.mark.parametrize(("table", "said"), DEFECTS.values(), ids=DEFECTS)
def test_defect(table: dict[str, Any], said: str) -> None:
    """A defect in the data stops the loader, which says where it is."""
    with pytest.raises(ValueError, match=re.escape(said)):
        read_providers(table)


def test_each_load_is_its_own() -> None:
    """No caller can change what another one loads."""
    assert load_providers() == PROVIDERS
    assert load_providers() is not load_providers()
