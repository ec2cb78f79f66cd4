"""The examples that the library's documentation has always shown, and what each of them says.

They stand here retyped, each with what its comments promise. Where `STOPPER_SEEDS` names a folder
with that document, `runtime-guards.md`, its own examples run as they are written there.
"""

import ast
import asyncio
import inspect
import os
import random
import re
import string
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from types import EllipsisType
from typing import Any, ParamSpec

import pytest

from stopper.guards import (
    DEFAULT_LOCALHOST_PATTERNS,
    DEFAULT_METADATA_IPS,
    ConcurrencyConfig,
    ConcurrencyGuard,
    Environment,
    ExecutionMode,
    GuardChain,
    GuardVerdict,
    NetworkPolicyConfig,
    NetworkPolicyGuard,
    OutputSizeConfig,
    OutputSizeGuard,
    PlanShapeConfig,
    PlanShapeGuard,
    ProvenanceConfig,
    ProvenanceGuard,
    RedactMode,
    RetrySafetyConfig,
    RetrySafetyGuard,
    SaturationGuard,
    SaturationGuardConfig,
    SchemaStrictnessConfig,
    SchemaStrictnessGuard,
    SensitiveDataConfig,
    SensitiveDataGuard,
    SideEffectClass,
    SideEffectConfig,
    SideEffectGuard,
    TimeoutBudgetConfig,
    TimeoutBudgetGuard,
    TruncationMode,
    create_default_guard_chain,
)
from stopper.guards.models import EnforcementLevel

_P = ParamSpec("_P")

PUBLIC = {"url": "https://example.com"}
FAKE = "sk_" + "fake_"
NOT_A_KEY = "api_key=" + FAKE + "abc123"


def awaited(function: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, None]:
    """A test that awaits."""

    @wraps(function)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        asyncio.run(function(*args, **kwargs))

    del run.__wrapped__
    return run


def get_schema(tool_name: str) -> dict[str, Any] | None:
    schemas: dict[str, dict[str, Any]] = {
        "create_user": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "age": {"type": "integer"},
                "role": {"type": "string", "enum": ["admin", "user", "guest"]},
            },
            "required": ["name", "age"],
        }
    }
    return schemas.get(tool_name)


@awaited
async def test_quick_start() -> None:
    schema_guard = SchemaStrictnessGuard(get_schema=get_schema)
    sensitive_guard = SensitiveDataGuard()
    network_guard = NetworkPolicyGuard(block_private_ips=True)
    chain = GuardChain([schema_guard, sensitive_guard, network_guard])
    result = await chain.check_all_async("api.fetch", PUBLIC)
    assert not result.blocked
    assert not result.repaired
    assert result.allowed
    result = await chain.check_all_async("api.fetch", {"url": "http://10.0.0.1/"})
    assert result.blocked
    assert result.stopped_at == "network_policy"
    assert result.reason


def test_schema_strictness() -> None:
    guard = SchemaStrictnessGuard(
        config=SchemaStrictnessConfig(
            mode=EnforcementLevel.BLOCK,
            coerce_types=True,
            allow_extra_fields=False,
            reject_empty_strings=True,
        ),
        get_schema=get_schema,
    )
    result = guard.check("create_user", {"name": "Alice", "age": 30})
    assert result.allowed
    result = guard.check("create_user", {"name": "Bob", "age": "25"})
    assert result.repaired
    assert result.repaired_args is not None
    assert result.repaired_args["age"] == 25
    result = guard.check("create_user", {"name": "Charlie"})
    assert result.blocked
    assert result.reason == "Missing required field: age"
    for args in (
        {"name": "A", "age": 1, "role": "root"},
        {"name": "A", "age": 1, "x": 1},
        {"name": " ", "age": 1},
    ):
        assert guard.check("create_user", args).blocked


def test_sensitive_data() -> None:
    guard = SensitiveDataGuard(
        config=SensitiveDataConfig(
            mode=EnforcementLevel.BLOCK,
            redact_mode=RedactMode.BLOCK,
            check_args=True,
            check_output=True,
            allowlist={"test_key_12345"},
        )
    )
    result = guard.check("tool", {"config": f"{NOT_A_KEY}def456"})
    assert result.blocked
    assert result.reason == "Sensitive data detected: api_key"
    guard_redact = SensitiveDataGuard(config=SensitiveDataConfig(redact_mode=RedactMode.REDACT))
    result = guard_redact.check("tool", {"key": NOT_A_KEY})
    assert result.repaired
    assert result.repaired_args == {"key": "[REDACTED]"}


RANDOM = random.Random(5)  # noqa: S311  samples


def letters(count: int) -> str:
    return "".join(RANDOM.choices(string.ascii_letters + string.digits, k=count))


DETECTED = {
    # what it is            text                                                    is detected
    "an API key":          (NOT_A_KEY,                                               True),
    "a bare key":          ("sk_" + "test_" + letters(24),                           True),
    "a bearer token":      ("Bearer eyJ" + letters(80),                              True),
    "an AWS key":          ("AKIA" + "".join(RANDOM.choices("ABCDEFGHIJ234567", k=16)), True),
    "a private key":       (f"-----BEGIN RSA PRIVATE KEY-----\n{letters(64)}",       True),
    "a password in a URL": (f"postgres://user:{letters(12)}@db.example.com/x",       True),
    # As the document prints it, its password is the word `password`: a placeholder, as in any
    # manual, and no secret.
    "that as it is shown": ("postgres://user:password@host",                         False),
    "a JWT":               (f"eyJ{letters(24)}.eyJ{letters(40)}.{letters(43)}",      True),
}  # fmt: skip


@pytest.mark.parametrize(("text", "is_detected"), DETECTED.values(), ids=DETECTED)
def test_detected_patterns(text: str, is_detected: bool) -> None:
    assert SensitiveDataGuard().check("tool", {"config": text}).blocked == is_detected


def test_network_policy() -> None:
    guard = NetworkPolicyGuard(
        config=NetworkPolicyConfig(
            block_private_ips=True,
            block_localhost=True,
            block_metadata_ips=True,
            require_https=True,
            allowed_domains={"api.example.com", "cdn.example.com"},
            metadata_ips=set(DEFAULT_METADATA_IPS) | {"custom.metadata.internal"},
            localhost_patterns=set(DEFAULT_LOCALHOST_PATTERNS) | {"dev.local"},
            url_argument_names={"url", "endpoint", "webhook_url"},
        )
    )
    result = guard.check("fetch", {"url": "https://api.example.com/data"})
    assert result.allowed
    result = guard.check("fetch", {"url": "http://localhost:8080/admin"})
    assert result.blocked
    assert result.reason == "Localhost access blocked"
    result = guard.check("fetch", {"url": "http://192.168.1.1/internal"})
    assert result.blocked
    result = guard.check("fetch", {"url": "http://169.254.169.254/latest/meta-data"})
    assert result.blocked
    for url in (
        "http://api.example.com/",
        "https://dev.local/",
        "https://custom.metadata.internal/",
        "https://example.org/",
    ):
        assert guard.check("fetch", {"webhook_url": url}).blocked


def test_side_effects() -> None:
    guard = SideEffectGuard(
        config=SideEffectConfig(
            mode=ExecutionMode.WRITE_ALLOWED,
            environment=Environment.PROD,
            prod_blocked_classes={SideEffectClass.DESTRUCTIVE},
            require_capability_token=False,
        )
    )
    result = guard.check("get_user", {})
    assert result.allowed
    result = guard.check("create_user", {})
    assert result.allowed
    result = guard.check("delete_user", {})
    assert result.blocked
    assert result.reason == (
        "Tool 'delete_user' classified as destructive is blocked in production"
    )
    guard_readonly = SideEffectGuard(config=SideEffectConfig(mode=ExecutionMode.READ_ONLY))
    result = guard_readonly.check("update_user", {})
    assert result.blocked


VERBS = {
    SideEffectClass.READ_ONLY: "get list search read fetch query describe",
    SideEffectClass.WRITE: "create update put post write save insert",
    SideEffectClass.DESTRUCTIVE: "delete remove drop truncate destroy purge",
}


@pytest.mark.parametrize("effect", VERBS)
def test_verbs(effect: SideEffectClass) -> None:
    guard = SideEffectGuard(mode=ExecutionMode.DESTRUCTIVE_ALLOWED)
    for verb in VERBS[effect].split():
        assert guard.check(f"{verb}_user", {}).details["classification"] == effect


@awaited
async def test_concurrency() -> None:
    guard = ConcurrencyGuard(
        config=ConcurrencyConfig(
            global_max=50,
            default_tool_max=10,
            per_tool_max={"heavy_api": 2},
            default_namespace_max=20,
            per_namespace_max={"external": 5},
            per_session_max=10,
        )
    )
    result = await guard.acquire("heavy_api", session_id="user-123")
    assert not result.blocked
    async with guard.slot("heavy_api"):
        result = await guard.acquire("heavy_api", session_id="user-123")
        assert result.blocked
        assert result.reason
    await guard.release("heavy_api", session_id="user-123")
    async with guard.slot("heavy_api"), guard.slot("heavy_api"):
        pass


def test_timeout_budget() -> None:
    now = [0]
    guard = TimeoutBudgetGuard(
        config=TimeoutBudgetConfig(
            per_turn_budget_ms=30000,
            soft_budget_ratio=0.8,
            degrade_actions=["disable_retries", "reduce_parallelism"],  # type: ignore[list-item]
        ),
        clock=lambda: now[0],
    )
    guard.start_turn()
    assert guard.check("tool", {}).verdict == GuardVerdict.ALLOW
    guard.record_execution(500)
    assert guard.get_turn_elapsed_ms() == 500
    assert guard.get_remaining_budget_ms() == 29500
    now[0] = 24_000 * 1_000_000
    assert guard.check("tool", {}).verdict == GuardVerdict.WARN
    now[0] = 30_000 * 1_000_000
    assert guard.check("tool", {}).blocked


def test_output_size() -> None:
    guard = OutputSizeGuard(
        config=OutputSizeConfig(
            max_bytes=100_000,
            max_array_length=1000,
            max_depth=20,
            max_string_length=10_000,
            max_tokens=25_000,
            chars_per_token=4,
            truncation_mode=TruncationMode.ERROR,
        )
    )
    result = guard.check_output("tool", {}, {"items": list(range(2000))})
    assert result.blocked
    assert result.reason == "array_length_exceeded: 2000 > 1000"
    guard_truncate = OutputSizeGuard(
        config=OutputSizeConfig(truncation_mode=TruncationMode.TRUNCATE)
    )
    result = guard_truncate.check_output("tool", {}, {"data": "x" * 200_000})
    assert result.repaired
    assert 0 < len(result.repaired_output["data"]) <= 10_000


def test_retry_safety() -> None:
    guard = RetrySafetyGuard(
        config=RetrySafetyConfig(
            max_same_signature_retries=3,
            non_retryable_errors={"validation", "auth", "permission"},
            require_idempotency_key=True,
            enforce_backoff=True,
            min_backoff_ms=100,
        )
    )
    for _ in range(3):
        result = guard.check("db_query", {"sql": "SELECT *"})
        assert result.allowed
    result = guard.check("db_query", {"sql": "SELECT *"})
    assert result.blocked
    guard.record_error("api_call", {"id": 1}, "validation")
    result = guard.check("api_call", {"id": 1})
    assert result.blocked
    assert result.reason == "Error class 'validation' is non-retryable"
    result = guard.check("create_order", {"item": "widget"})
    assert result.blocked
    result = guard.check("create_order", {"item": "widget", "_idempotency_key": "abc123"})
    assert result.allowed


def test_provenance() -> None:
    guard = ProvenanceGuard(
        config=ProvenanceConfig(
            require_attribution=True,
            track_lineage=True,
            max_unattributed_uses=0,
        )
    )
    ref_id = guard.record_output("fetch_data", {"url": "..."}, {"data": [1, 2, 3]})
    assert re.fullmatch(r"fetch_data:[0-9a-f]+:[0-9]{13}", ref_id)
    child_ref = guard.record_output(
        "transform_data",
        {"input_ref": ref_id},
        {"transformed": [2, 4, 6]},
        parent_refs=[ref_id],
    )
    provenance = guard.get_provenance(ref_id)
    assert provenance is not None
    assert provenance["tool"] == "fetch_data"
    assert provenance.keys() >= {"args_hash", "timestamp"}
    lineage = guard.get_lineage(child_ref)
    assert [record["reference"] for record in lineage] == [child_ref, ref_id]
    result = guard.check("use_data", {"ref": ref_id})
    assert result.verdict == GuardVerdict.ALLOW
    result = guard.check("use_data", {"ref": "fake:invalid:123"})
    assert result.warned or result.blocked


def test_plan_shape() -> None:
    guard = PlanShapeGuard(
        config=PlanShapeConfig(
            max_chain_length=20,
            max_unique_tools=15,
            max_fan_out=100,
            max_batch_size=500,
            detect_fan_out_fan_in=True,
        )
    )
    calls = [{"tool": f"tool_{i}", "args": {}} for i in range(600)]
    result = guard.check_batch(calls)
    assert result.blocked
    assert result.reason == "batch_too_large: 600 > 500"
    parallel_calls = [{"tool": "api.fetch", "args": {"id": i}} for i in range(150)]
    result = guard.check_batch(parallel_calls)
    assert result.blocked
    assert result.reason == "fan_out_too_large: 150 > 100"
    for i in range(25):
        guard.record_call(f"step_{i}")
    result = guard.check("next_step", {})
    assert result.blocked
    assert result.reason == "chain_too_long: 25 > 20"


def test_saturation() -> None:
    guard = SaturationGuard(
        config=SaturationGuardConfig(
            cdf_tools={"normal_cdf", "t_cdf", "chi2_cdf"},
            z_threshold=8.0,
            block_on_extreme=False,
            max_consecutive_degenerate=3,
            degenerate_values={0.0, 1.0},
            tolerance=1e-9,
        )
    )
    result = guard.check("normal_cdf", {"x": 100, "mean": 0, "std": 1})
    assert result.warned
    assert result.reason.startswith(
        "SATURATION_WARNING: `normal_cdf` called with extreme Z-score |Z|=100.00 > 8.0"
    )
    results = [guard.check_output("normal_cdf", {"result": 1.0}) for _ in range(3)]
    assert [one.warned for one in results] == [False, False, True]
    guard.reset()
    status = guard.get_status()
    assert status == {"consecutive_degenerate": 0, "recent_results": []}


@awaited
async def test_chain() -> None:
    chain = GuardChain(
        [
            SchemaStrictnessGuard(get_schema=get_schema),
            SensitiveDataGuard(),
            NetworkPolicyGuard(),
            SideEffectGuard(),
            ConcurrencyGuard(),
        ]
    )
    assert (await chain.check_all_async("api.fetch", PUBLIC)).allowed
    chain = create_default_guard_chain(get_schema=get_schema, get_classification=lambda _: None)
    assert len(chain) == 11
    result = await chain.check_all_async("api.fetch", PUBLIC)
    assert result.final_verdict is GuardVerdict.ALLOW
    assert result.stopped_at is None
    assert result.reason == ""
    assert result.repaired_args is None
    assert result.details.keys() == {name for name, _ in chain}
    output_result = await chain.check_output_async("tool", {}, {"response": "..."})
    assert output_result.allowed
    blocked = await chain.check_output_async("tool", {}, {"items": list(range(2000))})
    assert (blocked.blocked, blocked.stopped_at) == (True, "output_size")


CONFIGS = {
    SchemaStrictnessConfig: SchemaStrictnessGuard,
    SensitiveDataConfig: SensitiveDataGuard,
    NetworkPolicyConfig: NetworkPolicyGuard,
    ConcurrencyConfig: ConcurrencyGuard,
    TimeoutBudgetConfig: TimeoutBudgetGuard,
    OutputSizeConfig: OutputSizeGuard,
    RetrySafetyConfig: RetrySafetyGuard,
    ProvenanceConfig: ProvenanceGuard,
    PlanShapeConfig: PlanShapeGuard,
    SaturationGuardConfig: SaturationGuard,
}


@pytest.mark.parametrize("level", EnforcementLevel)
@pytest.mark.parametrize("config", CONFIGS, ids=lambda one: one.__name__)
def test_levels(config: Callable[..., Any], level: EnforcementLevel) -> None:
    assert CONFIGS[config](config=config(mode=level)).config.mode is level  # type: ignore[index]


@awaited
async def test_complete_setup() -> None:
    chain = GuardChain(
        [
            SchemaStrictnessGuard(
                config=SchemaStrictnessConfig(mode=EnforcementLevel.BLOCK, coerce_types=True),
                get_schema=get_schema,
            ),
            SensitiveDataGuard(
                config=SensitiveDataConfig(
                    mode=EnforcementLevel.BLOCK, redact_mode=RedactMode.REDACT
                )
            ),
            NetworkPolicyGuard(
                config=NetworkPolicyConfig(
                    block_private_ips=True, block_metadata_ips=True, require_https=True
                )
            ),
            SideEffectGuard(
                config=SideEffectConfig(
                    mode=ExecutionMode.WRITE_ALLOWED, environment=Environment.PROD
                )
            ),
            ConcurrencyGuard(
                config=ConcurrencyConfig(global_max=100, per_tool_max={"expensive_api": 5})
            ),
            TimeoutBudgetGuard(config=TimeoutBudgetConfig(per_turn_budget_ms=30000)),
            OutputSizeGuard(config=OutputSizeConfig(max_bytes=500_000, max_array_length=10000)),
        ]
    )

    async def execute_tool(_tool_name: str, args: dict[str, Any]) -> Any:
        return {"seen": args, "key": NOT_A_KEY}

    async def execute_with_guards(tool_name: str, args: dict[str, Any]) -> Any:
        pre_result = await chain.check_all_async(tool_name, args)
        if pre_result.blocked:
            return {"error": pre_result.reason, "blocked_by": pre_result.stopped_at}
        final_args = pre_result.repaired_args or args
        output = await execute_tool(tool_name, final_args)
        post_result = await chain.check_output_async(tool_name, final_args, output)
        if post_result.blocked:
            return {"error": post_result.reason}
        return post_result.repaired_output or output

    seen = await execute_with_guards("create_user", {"name": "Bob", "age": "25"})
    assert seen == {"seen": {"name": "Bob", "age": 25}, "key": "[REDACTED]"}
    assert await execute_with_guards("delete_user", {}) == {
        "error": "Tool 'delete_user' classified as destructive is blocked in production",
        "blocked_by": "side_effect",
    }


BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
PRINTED = re.compile(r"print\((.*)\)(?:  |\n +)# ([\"{\[].*|Truncated)$", re.MULTILINE)
CHECKED = re.compile(r"^(result = .*?)  # (?:.* - )?(OK|BLOCKED|WARN/BLOCK)$", re.MULTILINE)
MODULE = "chuk_tool_processor"
REFERENCE = re.compile(r"(\w+):[0-9a-z]+:[0-9]{13}")


def is_as_shown(value: Any, shown: str) -> bool:
    """Whether a printed value is what the comment behind it says."""
    try:
        example = ast.literal_eval(shown)
    except (SyntaxError, ValueError):
        if shown.startswith("["):  # names of records
            return isinstance(value, list) and len(value) == len(shown.split(","))
        return shown == "Truncated" and 0 < value < 200_000
    if isinstance(example, dict) and EllipsisType in map(type, example.values()):
        return bool(value.keys() >= example.keys())
    if like := REFERENCE.fullmatch(str(example)):
        made = REFERENCE.fullmatch(value)
        return made is not None and made[1] == like[1]
    if isinstance(example, str) and example.endswith("..."):
        return str(value).startswith(example.removesuffix("..."))
    return bool(value == example)


def is_as_said(result: Any, said: str) -> bool:
    """Whether a result is what the comment behind its call says."""
    return bool(result.allowed if said == "OK" else result.blocked or result.warned)


async def execute_tool(*_: Any) -> dict[str, str]:
    return {"data": "as any tool returns it"}


def as_promised(text: str) -> str:
    """A block that holds every result to the comment behind it."""
    text = PRINTED.sub(lambda found: f"shown({found[1]}, {found[2]!r})", text)
    return CHECKED.sub(r"\1; said(result, '\2')", text).replace(MODULE, "stopper")


def written() -> list[str]:
    """The blocks of the document, ready to run."""
    document = Path(os.environ.get("STOPPER_SEEDS", ""), "runtime-guards.md")
    if "STOPPER_SEEDS" not in os.environ or not document.is_file():
        pytest.skip("the document is not here: STOPPER_SEEDS names no folder that has it")
    return [as_promised(block) for block in BLOCK.findall(document.read_text("utf-8"))]


@awaited
async def test_as_written() -> None:
    """Every block in order, in one scope, since later ones use the names of earlier ones."""
    blocks = written()
    kept: list[tuple[str, bool]] = []
    scope: dict[str, Any] = {
        "shown": lambda value, comment: kept.append((comment, is_as_shown(value, comment))),
        "said": lambda result, comment: kept.append((comment, is_as_said(result, comment))),
        "my_schema_getter": lambda _: None,
        "my_getter": lambda _: None,
        "my_classifier": lambda _: None,
        "execute_tool": execute_tool,
        "original_args": PUBLIC,
        "GuardVerdict": GuardVerdict,
        "SomeConfig": NetworkPolicyConfig,
    }
    for number, block in enumerate(blocks, 1):
        code = compile(block, f"block {number}", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(code, scope)  # noqa: S307  the document's own examples
        if inspect.isawaitable(running):
            await running
    assert [comment for comment, is_kept in kept if not is_kept] == []
    assert len(kept) == sum(block.count("shown(") + block.count("said(") for block in blocks)
    assert (len(blocks), len(kept)) == (15, 24)
    assert await scope["execute_with_guards"]("get_user", {}) == {"data": "as any tool returns it"}
