import pytest

from stopper.detect.commands import is_dangerous, judge_command

PLANS = {
    # what is planned                    command, and whether it is dangerous
    "an end in a variable":       ("TF_CLI_ARGS_apply=-destroy tofu apply", True),
    "an end for any verb":        ("export TF_CLI_ARGS=-destroy; make apply", True),
    "an answer in a variable":    ("export TF_CLI_ARGS_apply=-auto-approve; tofu apply", True),
    "an end in a plan":           ("tofu plan -destroy -out=a && tofu apply a", True),
    "an end that is only shown":  ("tofu plan -destroy", False),
    "a plan":                     ("tofu plan -out=a && tofu apply a", False),
    "another verb's option":      ("TF_CLI_ARGS_plan=-parallelism=2 tofu plan", False),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), PLANS.values(), ids=PLANS)
def test_plans(command: str, dangerous: bool) -> None:
    assert is_dangerous(judge_command(command)) == dangerous
