"""OpenAI's embeddings: https://platform.openai.com/docs/api-reference/embeddings."""

import msgspec
from msgspec import Struct

from stopper.core.reason import Refusal
from stopper.core.usage import Quality, Usage
from stopper.meter.follow import Count, decode
from stopper.meter.jsonreply import JsonReply
from stopper.meter.openai_chat import error_of
from stopper.meter.text import decode_body, encode_body, model_of
from stopper.meter.wire import Ask, Reply

__all__ = ["EMBEDDINGS", "Embeddings"]

_NO_SUCCESS = 300


class Embeddings:
    """The wire format of `POST /v1/embeddings`: input only, in texts or in numbers of tokens."""

    name = "openai.embeddings"
    refusal_status: int | None = None

    def ask(self, path: str, body: bytes) -> Ask:  # noqa: ARG002  the model is in the body
        """As Wire.ask; there is no output, for which a limit of 1 is the nearest word."""
        fields = decode_body(body)
        json = encode_body(fields)
        return Ask(
            model=model_of(fields),
            stream=False,
            max_output=1,
            text_bytes=len(json),
            body=fields,
            json=json,
        )

    def limited(self, ask: Ask, max_output: int) -> bytes:  # noqa: ARG002  there is no output
        """As Wire.limited."""
        return ask.json

    def reply(self, ask: Ask, status: int, content_type: str) -> Reply:  # noqa: ARG002  only JSON
        """As Wire.reply."""
        return JsonReply(_read if status < _NO_SUCCESS else None, error_of)

    def error(self, refusal: Refusal) -> bytes:
        """As Wire.error."""
        return error_of(refusal)


EMBEDDINGS = Embeddings()


class _Stated(Struct, gc=False):
    prompt_tokens: Count


class _Reply(Struct):
    model: str | None = None
    usage: _Stated | None = None


_REPLY = msgspec.json.Decoder(_Reply)


def _read(data: bytes) -> tuple[Usage | None, str]:
    reply = decode(_REPLY, data)
    if reply.usage is None:
        return None, reply.model or ""
    return Usage(input=reply.usage.prompt_tokens, quality=Quality.MEASURED), reply.model or ""
