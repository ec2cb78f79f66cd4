import pytest

from stopper.detect.commands import judge_command

APPLY = "kubectl apply -f - <<'A'\n{}\nA"
POLICY = "vault policy write a - <<'A'\n{}\nA"
TEXTS = {
    # what is tried                  command, and its input                                                    reason, or none
    "a plain object":                (APPLY,  "kind: ConfigMap\ndata: {a: b}",                                 None),
    "a role over all":               (APPLY,  "kind: ClusterRoleBinding\nroleRef: {name: cluster-admin}",      "command.grants_rights"),
    "a role in JSON":                (APPLY,  '{"kind":"RoleBinding","roleRef":{"name":"cluster-admin"}}',     "command.grants_rights"),
    "a role that reads":             (APPLY,  "kind: RoleBinding\nroleRef: {name: view}",                      None),
    "all verbs":                     (APPLY,  'kind: Role\nrules: [{verbs: ["*"]}]',                           "command.grants_rights"),
    "a privileged container":        (APPLY,  "kind: Pod\nspec: {securityContext: {privileged: true}}",        "command.privileged_container"),
    "the machine's files":           (APPLY,  "kind: Pod\nspec: {volumes: [{hostPath: {path: /}}]}",           "command.privileged_container"),
    "one on every machine":          (APPLY,  "kind: DaemonSet\nmetadata: {namespace: kube-system}",           "command.runs_later"),
    "one that is only tried":        (APPLY.replace("apply", "apply --dry-run=server"), "hostPID: true",        None),
    "a policy over all":             (POLICY, 'path "*" { capabilities = ["sudo"] }',                          "command.grants_rights"),
    "a policy that reads":           (POLICY, 'path "secret/a" { capabilities = ["read"] }',                   None),
    "one too large":                 (APPLY,  "a: b\n" * 10_000,                                               "command.too_large"),
}  # fmt: skip


@pytest.mark.parametrize(("command", "text", "reason"), TEXTS.values(), ids=TEXTS)
def test_texts(command: str, text: str, reason: str | None) -> None:
    """Each row gives the reason code in its last column, or nothing that cannot be undone."""
    judgement = judge_command(command.format(text))
    reasons = {effect.reason for effect in judgement.effects if not effect.reversible}
    reasons |= {part.reason for part in judgement.unprovable}
    assert reason in reasons if reason else not reasons
