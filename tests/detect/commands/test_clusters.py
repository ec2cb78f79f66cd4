import pytest

from stopper.detect.commands import is_dangerous, judge_command

CALLS = {
    # what is tried                       command, and whether it is dangerous
    "a context of this machine":             ("kubectl --context kind-a delete ns b", False),
    "a port that leads there":               ("kubectl --context kind-a port-forward svc/b 9200 & curl -XDELETE localhost:9200/test-c", False),
    "a port of this machine, for all":       ("kubectl --context kind-a port-forward --address 0.0.0.0 svc/b 80", False),
    "a port that leads elsewhere":           ("kubectl port-forward svc/b 9200 & curl -XDELETE localhost:9200/test-c", True),
    "one with an equals sign":               ("kubectl --context=minikube delete ns b", False),
    "a chart there":                         ("helm --kube-context k3d-a uninstall b", False),
    "a cluster that was started":            ("kind create cluster; kubectl delete ns b", False),
    "a context that was chosen":             ("kubectl config use-context colima; kubectl delete ns b", False),
    "one that was left again":               ("kubectl config use-context colima; kubectl config use-context a; kubectl delete ns b", True),
    "no context":                            ("kubectl delete ns b", True),
    "another context":                       ("kind create cluster; kubectl --context staging delete ns b", True),
    "a name that people live on":            ("kubectl --context kind-prod delete ns b", True),
    "another address":                       ("kind create cluster; kubectl --server https://a:6443 delete ns b", True),
    "other settings":                        ("kind create cluster; export KUBECONFIG=a; kubectl delete ns b", True),
    "on another machine":                    ("ssh a.example.com 'kubectl --context kind-a delete ns b'", True),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), CALLS.values(), ids=CALLS)
def test_clusters(command: str, dangerous: bool) -> None:
    """A cluster of this machine is one's own; any other is not."""
    assert is_dangerous(judge_command(command)) == dangerous
