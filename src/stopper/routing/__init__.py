"""Which model suits a task now, and why."""

from typing import TYPE_CHECKING

from stopper.routing.classify import Classified
from stopper.routing.config import RoutingConfig, load_config, packaged_config
from stopper.routing.hint import RoutingHint, classify_task, explain_task, fallback_chain
from stopper.routing.model import ModelCapability, ModelConfig, ModelPool, TaskClass
from stopper.routing.score import Choice, Reason, Situation, Wish
from stopper.routing.situation import current_situation

if TYPE_CHECKING:
    DEFAULT_MODEL_POOL: ModelPool

__all__ = [
    "DEFAULT_MODEL_POOL",
    "Choice",
    "Classified",
    "ModelCapability",
    "ModelConfig",
    "ModelPool",
    "Reason",
    "RoutingConfig",
    "RoutingHint",
    "Situation",
    "TaskClass",
    "Wish",
    "classify_task",
    "current_situation",
    "explain_task",
    "fallback_chain",
    "load_config",
    "packaged_config",
]


def __getattr__(name: str) -> object:
    """`DEFAULT_MODEL_POOL` is read when it is asked for."""
    if name == "DEFAULT_MODEL_POOL":
        return packaged_config().models
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
