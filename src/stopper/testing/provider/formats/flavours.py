"""What vendors do differently in OpenAI's chat format."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from stopper.testing.provider.plan import Plan

__all__ = ["FLAVOURS", "HOSTS", "OPENAI", "Flavour"]

_Fields = dict[str, Any]


def _usage(plan: Plan) -> _Fields:
    """OpenAI's own: the prompt includes what was cached, the completion what was thought."""
    details = {"cached_tokens": plan.script.cache_read, "audio_tokens": 0}
    if plan.script.cache_write:
        details["cache_write_tokens"] = plan.script.cache_write
    return {
        "prompt_tokens": plan.prompt,
        "completion_tokens": plan.output,
        "total_tokens": plan.prompt + plan.output,
        "prompt_tokens_details": details,
        "completion_tokens_details": {
            "reasoning_tokens": plan.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _nothing(_plan: Plan) -> _Fields:
    return {}


class Flavour(Struct, frozen=True):
    """The differences of one vendor.

    `thinking` names the field that shows thoughts, if any. `first_extra` and `finish_extra` are
    added to the first chunk and to those that finish a choice, `whole_extra` to a reply in one
    piece. `always_usage` sends the chunk with usage unasked.
    """

    name: str
    usage: Callable[[Plan], _Fields] = _usage
    thinking: str = ""
    first_extra: Callable[[Plan], _Fields] = _nothing
    finish_extra: Callable[[Plan], _Fields] = _nothing
    whole_extra: Callable[[Plan], _Fields] = _nothing
    always_usage: bool = False
    comment: bytes = b""
    prelude: _Fields | None = None


def _xai_usage(plan: Plan) -> _Fields:
    return _usage(plan) | {"completion_tokens": plan.said}


def _deepseek_usage(plan: Plan) -> _Fields:
    hit = plan.script.cache_read
    return _usage(plan) | {
        "prompt_cache_hit_tokens": hit,
        "prompt_cache_miss_tokens": plan.prompt - hit,
    }


def _openrouter_usage(plan: Plan) -> _Fields:
    return _usage(plan) | {"cost": (plan.prompt + 5 * plan.output) / 1_000_000}


def _unasked(plan: Plan) -> _Fields:
    return {"usage": _usage(plan)}


def _groq_first(plan: Plan) -> _Fields:
    return {"x_groq": {"id": f"req_mock_{plan.number}"}}


def _groq_finish(plan: Plan) -> _Fields:
    usage = {"queue_time": 0.001, "prompt_time": 0.002, "completion_time": 0.003}
    usage |= {"total_time": 0.005} | _usage(plan)
    vendor = {"x_groq": {"id": f"req_mock_{plan.number}", "usage": usage}}
    return vendor | ({"usage": usage} if plan.ask.wants_usage else {})


def _cerebras_times(_plan: Plan) -> _Fields:
    return {"time_info": {"queue_time": 0.0001, "prompt_time": 0.0002, "total_time": 0.004}}


def _cerebras_finish(plan: Plan) -> _Fields:
    return _unasked(plan) | _cerebras_times(plan)


OPENAI = Flavour("openai")

FLAVOURS = {
    flavour.name: flavour
    for flavour in (
        OPENAI,
        Flavour(
            "azure",
            prelude={
                "choices": [],
                "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
            },
        ),
        Flavour("groq", thinking="reasoning", first_extra=_groq_first, finish_extra=_groq_finish),
        Flavour(
            "cerebras",
            thinking="reasoning",
            finish_extra=_cerebras_finish,
            whole_extra=_cerebras_times,
        ),
        Flavour("mistral", finish_extra=_unasked),
        Flavour("xai", usage=_xai_usage, thinking="reasoning_content"),
        Flavour("deepseek", usage=_deepseek_usage, thinking="reasoning_content"),
        Flavour(
            "openrouter",
            usage=_openrouter_usage,
            thinking="reasoning",
            always_usage=True,
            comment=b": OPENROUTER PROCESSING\n\n",
        ),
    )
}
"""By the first segment of the path."""

HOSTS = {
    "api.groq.com": "groq",
    "api.cerebras.ai": "cerebras",
    "api.mistral.ai": "mistral",
    "api.x.ai": "xai",
    "api.deepseek.com": "deepseek",
    "openrouter.ai": "openrouter",
}
"""By the host that the client meant to reach."""
