import pytest

from stopper.detect.commands import is_dangerous, judge_command

CALLS = {
    # what is tried, a command, and whether it is dangerous
    "a store's key, deleted with all below":      ("curl -X DELETE 'http://127.0.0.1:8500/v1/kv/?recurse'", True),
    "one key on this machine":                    ("curl -X DELETE http://127.0.0.1:8500/v1/kv/a", False),
    "a service that is deregistered":             ("curl -X PUT http://127.0.0.1:8500/v1/agent/service/deregister/web", True),
    "a setting that others read":                 ("curl -X PUT --data a http://consul.example:8500/v1/kv/a", True),
    "a setting on this machine":                  ("curl -X PUT --data a localhost:8500/v1/kv/a", False),
    "a setting that is read":                     ("curl http://consul.example:8500/v1/kv/a", False),
    "by HTTPie":                                  ("http PUT consul.example:8500/v1/kv/a", True),
    "by wget":                                    ("wget --method=PUT --body-data=a http://consul.example:8500/v1/kv/a", True),
    "keys of another store":                      ("curl 'http://127.0.0.1:2379/v2/keys/a?recursive=true' -XDELETE", True),
    "a range of keys":                            ("curl http://127.0.0.1:2379/v3/kv/deleterange -d '{}'", True),
    "a range of keys that is read":               ("curl http://store.example:2379/v3/kv/range -d '{}'", False),
    "a workload of none":                         ("curl -X PATCH -d '{\"spec\":{\"replicas\":0}}' https://c.example/apis/apps/v1/namespaces/a/deployments/b", True),
    "a workload of two":                          ("curl -X PATCH -d '{\"spec\":{\"replicas\":2}}' https://c.example/apis/apps/v1/namespaces/a/deployments/b", False),
    "another thing of none":                      ("curl -X PATCH -d '{\"replicas\":0}' https://a.example/items/1", False),
    "a pod that is driven out":                   ("curl -X POST -d '{}' https://c.example/api/v1/namespaces/a/pods/b/eviction", True),
    "rights in a cluster":                        ("curl -d @a.json https://c.example/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", True),
    "settings of a search engine":                ("curl -XPUT http://s.example:9200/_cluster/settings -d '{}'", True),
    "an index that is closed":                    ("curl -XPOST http://s.example:9200/a/_close", True),
    "an index that is searched":                  ("curl -XPOST http://s.example:9200/a/_search -d '{}'", False),
    "an engine of containers that serves all":    ("curl -X POST http://192.0.2.5:2375/v1.41/containers/a/stop", True),
    "the same, asked":                            ("curl http://192.0.2.5:2375/containers/json", False),
    "the same by its own program":                ("docker -H tcp://192.0.2.5:2375 exec a sh", True),
    "the same by a variable":                     ("DOCKER_HOST=tcp://192.0.2.5:2375 docker run a", True),
    "the same, asked by its own program":         ("DOCKER_HOST=tcp://192.0.2.5:2375 docker ps", False),
    "a table that is dropped over HTTP":          ("curl -X POST 'http://localhost:8123/?query=DROP%20TABLE%20a'", True),
    "one that is emptied in the body":            ("curl http://a.example:8123/ --data-binary 'TRUNCATE TABLE a'", True),
    "one that is asked":                          ("curl http://a.example:8123/ --data-binary 'SELECT 1'", False),
    "measurements":                               ("curl -XPOST localhost:8086/query --data-urlencode 'q=DROP DATABASE a'", True),
    "series":                                     ("curl -X POST 'http://a.example:9090/api/v1/admin/tsdb/delete_series?match[]=up'", True),
    "all documents":                              ("curl a.example:8983/solr/a/update -d '<delete><query>*:*</query></delete>'", True),
    "a graph":                                    ("curl a.example:7474/db/a/tx/commit -d '{\"statement\":\"MATCH (n) DETACH DELETE n\"}'", True),
    "a question to another program":              ("curl localhost:4000/query -d '{\"query\":\"{ users { id } }\"}'", False),
    "a branch":                                   ("gh api -X DELETE repos/a/b/git/refs/heads/main", True),
    "a job of a scheduler":                       ("curl -X DELETE http://a.example:4646/v1/job/b", True),
    "a vault that is sealed":                     ("curl -X PUT http://a.example:8200/v1/sys/seal", True),
    "a vault that is logged in to":               ("curl -d '{}' http://a.example:8200/v1/auth/userpass/login/b", False),
    "a build that is deleted":                    ("curl -X POST http://a.example:8080/job/b/doDelete", True),
    "an image of a registry":                     ("curl -X DELETE http://a.example:5000/v2/b/manifests/sha256:c", True),
    "a service that is told to stop":             ("curl -X POST http://a.example:8080/actuator/shutdown", True),
    "one of this machine":                        ("curl -X POST localhost:8080/actuator/shutdown", False),
    "by code":                                    ("python3 -c \"import requests; requests.delete('http://a.example:8500/v1/kv/b?recurse')\"", True),
    "by code, with a body":                       ("python3 -c \"import requests; requests.put('http://a.example:9200/_cluster/settings', json={})\"", True),
    "by code in another language":                ("node -e \"fetch('http://192.0.2.5:2375/containers/a/stop',{method:'POST'})\"", True),
    "what an application keeps, by code":         ("python3 -c \"import requests; requests.delete('http://localhost:8000/items/1')\"", False),
    "one beside a build":                         ("DOCKER_HOST=tcp://docker:2375 docker build .", False),
    "one behind a login":                         ("DOCKER_HOST=ssh://a@b.example docker run a", False),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), CALLS.values(), ids=CALLS)
def test_what_is_asked_of_an_api(command: str, dangerous: bool) -> None:
    """What stops, deletes or changes what others live on is dangerous; what reads it is not."""
    assert is_dangerous(judge_command(command)) is dangerous
