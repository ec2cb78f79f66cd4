"""The chain for those who want all guards as they come."""

from collections.abc import Iterable

from stopper.guards.chain import GuardChain
from stopper.guards.concurrency import ConcurrencyGuard
from stopper.guards.decision import Observer
from stopper.guards.network_policy import NetworkPolicyGuard
from stopper.guards.output_size import OutputSizeGuard
from stopper.guards.plan_shape import PlanShapeGuard
from stopper.guards.provenance import ProvenanceGuard
from stopper.guards.retry import RetrySafetyGuard
from stopper.guards.saturation import SaturationGuard
from stopper.guards.schema import GetSchema, SchemaStrictnessGuard
from stopper.guards.sensitive_data import SensitiveDataGuard
from stopper.guards.side_effect import GetAnnotations, GetClassification, SideEffectGuard
from stopper.guards.timeout_budget import TimeoutBudgetGuard

__all__ = ["create_default_guard_chain"]


def create_default_guard_chain(
    get_schema: GetSchema | None = None,
    get_classification: GetClassification | None = None,
    *,
    get_annotations: GetAnnotations | None = None,
    on_decision: Observer | Iterable[Observer] = (),
) -> GuardChain:
    """The eleven documented guards with their defaults, quick ones first.

    Time, calls and retries count from the first call to `chain.reset()`, which ends a turn: a turn
    of more than 30 seconds, or of more than 20 calls that wait for each other, is stopped.
    Provenance records outputs and checks references; it does not ask for missing ones.
    """
    return GuardChain(
        [
            SchemaStrictnessGuard(get_schema=get_schema),
            SensitiveDataGuard(),
            NetworkPolicyGuard(),
            SideEffectGuard(get_classification=get_classification, get_annotations=get_annotations),
            ConcurrencyGuard(),
            TimeoutBudgetGuard(),
            PlanShapeGuard(),
            RetrySafetyGuard(),
            OutputSizeGuard(),
            ProvenanceGuard(require_attribution=False),
            SaturationGuard(),
        ],
        on_decision=on_decision,
    )
