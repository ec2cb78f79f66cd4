import pytest

from stopper.detect.commands import judge_command

VERBS = {
    # what is tried                command                                        reason, or none
    "an unknown service of AWS":  ("aws newthing delete-widget --id 1",           "command.destroys_infrastructure"),
    "a service that is a noun":   ("aws events list-rules",                       None),
    "an unknown group of Google": ("gcloud newthing widgets delete w",            "command.destroys_infrastructure"),
    "a resource named so":        ("gcloud functions deploy delete-user",         None),
    "a verb behind a colon":      ("heroku newthing:destroy",                     "command.destroys_infrastructure"),
    "a verb behind a hyphen":     ("linode-cli linodes disk-delete 1 2",          "command.destroys_infrastructure"),
    "words in one":               ("aliyun ecs DeleteInstance --id i-1",          "command.destroys_infrastructure"),
    "a stop":                     ("az newthing stop -n a",                       "command.stops_service"),
    "keys":                       ("az newthing keys list -n a",                  "command.prints_credential"),
    "only tried":                 ("aws newthing delete-widget --dry-run",        None),
    "its own settings":           ("netlify unlink",                              None),
}  # fmt: skip


@pytest.mark.parametrize(("command", "reason"), VERBS.values(), ids=VERBS)
def test_verbs(command: str, reason: str | None) -> None:
    """Each row gives the reason code in its last column, or no effect at all."""
    reasons = {effect.reason for effect in judge_command(command).effects}
    assert reason in reasons if reason else not reasons
