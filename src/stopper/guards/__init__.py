"""Guards: composable checks of one tool call and of what it returns."""

from stopper.guards.audit import AuditTrail, audit_fact, trace_decisions
from stopper.guards.budget import BudgetConfig, BudgetGuard, Spending, Spent, UsageSum
from stopper.guards.capability import Capability, UsedCapabilities, UsedStore, issue_capability
from stopper.guards.chain import GuardChain
from stopper.guards.classify import SideEffectClass
from stopper.guards.concurrency import ConcurrencyConfig, ConcurrencyGuard
from stopper.guards.config import Config
from stopper.guards.decision import Decision, Observer
from stopper.guards.defaults import create_default_guard_chain
from stopper.guards.guarded import AsyncCall, Call, Guarded
from stopper.guards.memo import Memo, Seen
from stopper.guards.models import (
    EnforcementLevel,
    Guard,
    GuardBlocked,
    GuardResult,
    GuardVerdict,
    Outcome,
    allow,
    block,
    escalate,
    repair,
    repair_output,
    warn,
)
from stopper.guards.network_policy import (
    DEFAULT_COMMAND_ARGUMENT_NAMES,
    DEFAULT_LOCALHOST_PATTERNS,
    DEFAULT_METADATA_IPS,
    DEFAULT_URL_ARGUMENT_NAMES,
    NetworkPolicyConfig,
    NetworkPolicyGuard,
)
from stopper.guards.output_size import (
    OutputSizeConfig,
    OutputSizeGuard,
    SizeViolation,
    TruncationMode,
)
from stopper.guards.plan_shape import (
    PlanShapeConfig,
    PlanShapeGuard,
    PlanShapeState,
    PlanShapeViolation,
    ToolCallSpec,
)
from stopper.guards.provenance import ProvenanceConfig, ProvenanceGuard
from stopper.guards.result import ChainResult
from stopper.guards.retry import RetrySafetyConfig, RetrySafetyGuard
from stopper.guards.runaway import RunawayConfig, RunawayGuard
from stopper.guards.saturation import SaturationGuard, SaturationGuardConfig
from stopper.guards.schema import GetSchema, SchemaStrictnessConfig, SchemaStrictnessGuard
from stopper.guards.sensitive_data import RedactMode, SensitiveDataConfig, SensitiveDataGuard
from stopper.guards.side_effect import (
    Environment,
    ExecutionMode,
    GetAnnotations,
    GetClassification,
    SideEffectConfig,
    SideEffectGuard,
)
from stopper.guards.slots import Limits, LocalSlots, SlotStore
from stopper.guards.taint import (
    DEFAULT_FETCHING_TOOLS,
    DEFAULT_OUTWARD_TOOLS,
    DEFAULT_SECRET_TOOLS,
    DEFAULT_UNTRUSTED_TOOLS,
    TaintConfig,
    TaintGuard,
)
from stopper.guards.timeout_budget import (
    DegradeAction,
    TimeoutBudgetConfig,
    TimeoutBudgetGuard,
    TimeoutBudgetState,
)
from stopper.guards.unresolved_reference import (
    DEFAULT_CODE_ARGUMENTS,
    DEFAULT_TEXT_ARGUMENTS,
    UnresolvedReferenceConfig,
    UnresolvedReferenceGuard,
)

__all__ = [
    "DEFAULT_CODE_ARGUMENTS",
    "DEFAULT_COMMAND_ARGUMENT_NAMES",
    "DEFAULT_FETCHING_TOOLS",
    "DEFAULT_LOCALHOST_PATTERNS",
    "DEFAULT_METADATA_IPS",
    "DEFAULT_OUTWARD_TOOLS",
    "DEFAULT_SECRET_TOOLS",
    "DEFAULT_TEXT_ARGUMENTS",
    "DEFAULT_UNTRUSTED_TOOLS",
    "DEFAULT_URL_ARGUMENT_NAMES",
    "AsyncCall",
    "AuditTrail",
    "BudgetConfig",
    "BudgetGuard",
    "Call",
    "Capability",
    "ChainResult",
    "ConcurrencyConfig",
    "ConcurrencyGuard",
    "Config",
    "Decision",
    "DegradeAction",
    "EnforcementLevel",
    "Environment",
    "ExecutionMode",
    "GetAnnotations",
    "GetClassification",
    "GetSchema",
    "Guard",
    "GuardBlocked",
    "GuardChain",
    "GuardResult",
    "GuardVerdict",
    "Guarded",
    "Limits",
    "LocalSlots",
    "Memo",
    "NetworkPolicyConfig",
    "NetworkPolicyGuard",
    "Observer",
    "Outcome",
    "OutputSizeConfig",
    "OutputSizeGuard",
    "PlanShapeConfig",
    "PlanShapeGuard",
    "PlanShapeState",
    "PlanShapeViolation",
    "ProvenanceConfig",
    "ProvenanceGuard",
    "RedactMode",
    "RetrySafetyConfig",
    "RetrySafetyGuard",
    "RunawayConfig",
    "RunawayGuard",
    "SaturationGuard",
    "SaturationGuardConfig",
    "SchemaStrictnessConfig",
    "SchemaStrictnessGuard",
    "Seen",
    "SensitiveDataConfig",
    "SensitiveDataGuard",
    "SideEffectClass",
    "SideEffectConfig",
    "SideEffectGuard",
    "SizeViolation",
    "SlotStore",
    "Spending",
    "Spent",
    "TaintConfig",
    "TaintGuard",
    "TimeoutBudgetConfig",
    "TimeoutBudgetGuard",
    "TimeoutBudgetState",
    "ToolCallSpec",
    "TruncationMode",
    "UnresolvedReferenceConfig",
    "UnresolvedReferenceGuard",
    "UsageSum",
    "UsedCapabilities",
    "UsedStore",
    "allow",
    "audit_fact",
    "block",
    "create_default_guard_chain",
    "escalate",
    "issue_capability",
    "repair",
    "repair_output",
    "trace_decisions",
    "warn",
]
