"""All wire formats by the names that `data/providers.toml` uses."""

from stopper.meter.anthropic import MESSAGES
from stopper.meter.bedrock import CONVERSE
from stopper.meter.bedrock_invoke import INVOKE
from stopper.meter.embeddings import EMBEDDINGS
from stopper.meter.gemini import GENERATE
from stopper.meter.ollama import CHAT as OLLAMA
from stopper.meter.openai_chat import CHAT, CHAT_XAI
from stopper.meter.openai_responses import RESPONSES
from stopper.meter.wire import Wire

__all__ = ["WIRES"]

_ALL: tuple[Wire, ...] = (
    MESSAGES,
    CHAT,
    CHAT_XAI,
    RESPONSES,
    EMBEDDINGS,
    GENERATE,
    OLLAMA,
    CONVERSE,
    INVOKE,
)

WIRES: dict[str, Wire] = {wire.name: wire for wire in _ALL}
