"""Tasks, capabilities, and the models that there are."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

__all__ = ["MAX_MODELS", "ModelCapability", "ModelConfig", "ModelPool", "TaskClass"]

MAX_MODELS: Final = 256
"""The most models in a pool."""


class TaskClass(StrEnum):
    """What is to be done."""

    CODE_GENERATION = "code_generation"
    COMPLEX_REASONING = "complex_reasoning"
    SIMPLE_QA = "simple_qa"
    CODE_REVIEW = "code_review"
    REFACTORING = "refactoring"
    DOCUMENTATION = "documentation"
    TESTING = "testing"
    DEBUGGING = "debugging"


class ModelCapability(StrEnum):
    """What a model is good at."""

    FAST_INFERENCE = "fast_inference"
    LONG_CONTEXT = "long_context"
    CODE_SPECIALIZED = "code_specialized"
    STRONG_REASONING = "strong_reasoning"
    COST_EFFECTIVE = "cost_effective"
    TOOL_USE = "tool_use"


class ModelConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model. `priority` is from 0 to 100; `max_context` is in tokens, the reply included.

    `cost_per_1k_tokens` is in dollars, and counts where no price list knows the model.
    """

    model_id: Annotated[str, Meta(min_length=1, max_length=256)]
    provider: Annotated[str, Meta(min_length=1, max_length=64)]
    priority: Annotated[int, Meta(ge=0, le=100)] = 50
    capabilities: tuple[ModelCapability, ...] = ()
    max_context: Annotated[int, Meta(ge=1)] = 30_000
    cost_per_1k_tokens: Annotated[float, Meta(ge=0, le=1000)] = 0.0

    def can(self, capability: ModelCapability) -> bool:
        """Whether it has this capability."""
        return capability in self.capabilities


class ModelPool(Struct, frozen=True):
    """Models by the names that a team has for them; at most 256."""

    models: Mapping[str, ModelConfig]

    def __post_init__(self) -> None:
        if len(self.models) > MAX_MODELS:
            raise ValueError(f"a pool has at most {MAX_MODELS} models")
