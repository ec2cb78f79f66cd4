"""The policy gate with rules of its operator's own, in Cedar and in Rego.

`pip install 'stopper[cedar,rego]'`, then `python examples/policies_demo.py`.
"""

from pathlib import Path

from stopper.safety import ActionType, PolicyGate, load_policies

HERE = Path(__file__).parent
POLICIES = {"cedar": "policies/deployments.cedar", "rego": "policies/billing.rego"}
ACTIONS = [
    (ActionType.EXECUTE_CODE, {"command": "npm install"}),
    (ActionType.EXECUTE_CODE, {"command": "npm publish --access public"}),
    (ActionType.DEPLOY, {"service": "shop", "environment": "staging"}),
    (ActionType.DEPLOY, {"service": "shop", "environment": "production"}),
    (ActionType.DEPLOY, {"service": "shop"}),
    (ActionType.CREATE_BILLING, {"amount": 15, "currency": "EUR"}),
    (ActionType.CREATE_BILLING, {"amount": 50, "currency": "EUR"}),
    (ActionType.CREATE_BILLING, {"amount": 500, "currency": "EUR"}),
    (ActionType.CREATE_BILLING, {"amount": 15, "currency": "USD"}),
]


def main() -> None:
    """Ask the gate about each action, and say what it says."""
    gate = PolicyGate(
        enable_deployments=True, enable_billing=True, policies=load_policies(POLICIES, HERE)
    )
    for kind, context in ACTIONS:
        decision = gate.check_action(kind, context)
        said = ", ".join(f"{name}={value}" for name, value in context.items())
        print(f"{decision.verdict:9}{kind}: {said}\n         {decision.reason}")


if __name__ == "__main__":
    main()
