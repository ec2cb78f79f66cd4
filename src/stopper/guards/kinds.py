"""Every kind of guard that a file can name, with its configuration."""

import inspect
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from stopper.guards.budget import BudgetConfig, BudgetGuard
from stopper.guards.concurrency import ConcurrencyConfig, ConcurrencyGuard
from stopper.guards.config import Config
from stopper.guards.network_policy import NetworkPolicyConfig, NetworkPolicyGuard
from stopper.guards.output_size import OutputSizeConfig, OutputSizeGuard
from stopper.guards.plan_shape import PlanShapeConfig, PlanShapeGuard
from stopper.guards.provenance import ProvenanceConfig, ProvenanceGuard
from stopper.guards.retry import RetrySafetyConfig, RetrySafetyGuard
from stopper.guards.runaway import RunawayConfig, RunawayGuard
from stopper.guards.saturation import SaturationGuard, SaturationGuardConfig
from stopper.guards.schema import SchemaStrictnessConfig, SchemaStrictnessGuard
from stopper.guards.sensitive_data import SensitiveDataConfig, SensitiveDataGuard
from stopper.guards.side_effect import SideEffectConfig, SideEffectGuard
from stopper.guards.taint import TaintConfig, TaintGuard
from stopper.guards.timeout_budget import TimeoutBudgetConfig, TimeoutBudgetGuard
from stopper.guards.unresolved_reference import UnresolvedReferenceConfig, UnresolvedReferenceGuard

__all__ = ["KINDS", "Kind"]


class Kind(Struct, frozen=True):
    """A guard and what configures it."""

    guard: Callable[..., Any]
    config: type[Config]

    @property
    def takes(self) -> frozenset[str]:
        """What else the guard takes: functions and keys, which no file can hold."""
        parameters = inspect.signature(self.guard).parameters.values()
        named = {one.name for one in parameters if one.kind is not one.VAR_KEYWORD}
        return frozenset(named - {"config"})


KINDS: Final[dict[str, Kind]] = {
    "schema_strictness": Kind(SchemaStrictnessGuard, SchemaStrictnessConfig),
    "sensitive_data": Kind(SensitiveDataGuard, SensitiveDataConfig),
    "network_policy": Kind(NetworkPolicyGuard, NetworkPolicyConfig),
    "side_effect": Kind(SideEffectGuard, SideEffectConfig),
    "concurrency": Kind(ConcurrencyGuard, ConcurrencyConfig),
    "timeout_budget": Kind(TimeoutBudgetGuard, TimeoutBudgetConfig),
    "plan_shape": Kind(PlanShapeGuard, PlanShapeConfig),
    "retry_safety": Kind(RetrySafetyGuard, RetrySafetyConfig),
    "output_size": Kind(OutputSizeGuard, OutputSizeConfig),
    "provenance": Kind(ProvenanceGuard, ProvenanceConfig),
    "saturation": Kind(SaturationGuard, SaturationGuardConfig),
    "runaway": Kind(RunawayGuard, RunawayConfig),
    "budget": Kind(BudgetGuard, BudgetConfig),
    "taint": Kind(TaintGuard, TaintConfig),
    "unresolved_reference": Kind(UnresolvedReferenceGuard, UnresolvedReferenceConfig),
}
"""By the names that files use, and that chains give to bare guards."""
