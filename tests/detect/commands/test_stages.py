import pytest

from stopper.detect.commands import is_dangerous, judge_command

CALLS = {
    # what is tried                    command                                                     dangerous
    "a test's database":               ("MIX_ENV=test mix ecto.reset",                              False),
    "a database of no stage":          ("mix ecto.reset",                                           True),
    "one that people live on":         ("MIX_ENV=prod mix ecto.reset",                              True),
    "a stage for the call before":     ("MIX_ENV=test true; mix ecto.reset",                        True),
    "a stage by `env` before":         ("env MIX_ENV=test true; mix ecto.reset",                    True),
    "a stage that is exported":        ("export MIX_ENV=test; mix ecto.reset",                      False),
    "a test's stage, another machine": ("RAILS_ENV=test DATABASE_URL=$LIVE rails db:drop",          True),
    "a step down where people live":   ("RAILS_ENV=production rake db:migrate:down",                True),
    "a step up where people live":     ("RAILS_ENV=production rake db:migrate",                     False),
    "all made anew":                   ("dbt run --full-refresh --target prod",                     True),
    "all made anew to develop":        ("dbt run --full-refresh --target dev",                      False),
    "a test's database here":          ("dropdb -h localhost app_test",                             False),
    "a test's database elsewhere":     ("dropdb -h db.example.com app_test",                        True),
    "rows of a test's database":       ("psql -h localhost app_test -c 'TRUNCATE a'",               False),
    "rows of one that is live":        ("psql -h localhost app_live_test -c 'TRUNCATE a'",          True),
    "a store of one's own":            ("redis-cli -p 6399 flushall",                               False),
    "the usual store":                 ("redis-cli -p 6379 flushall",                               True),
    "a store elsewhere":               ("redis-cli -h cache.example.com -p 6399 flushall",          True),
    "an index of one who develops":    ("curl -X DELETE localhost:9200/a-dev",                      False),
    "a variable of the call":          ("Q='drop database' sh -c 'echo \"$Q a\"' | psql -h db.example.com",                                  True),
    "a volume of a test":              ("docker volume rm app_test_data",                           False),
    "a volume of no stage":            ("docker volume rm app_data",                                True),
    "a volume that a variable names":  ('docker volume rm app_test_data "$V"',                      True),
    "all volumes":                     ("docker volume prune -f",                                   True),
    "a test's volume elsewhere":       ("docker -H ssh://a.example.com volume rm app_test_data",    True),
    "a project of a test":             ("docker compose -p it-$ID down -v",                         False),
    "a project by a test's file":      ("docker compose -f compose.test.yml down -v",               False),
    "a project of no stage":           ("docker compose down -v",                                   True),
    "a project that is staged":        ("docker compose -p ci-staging down -v",                     True),
    "a database in one's container":   ("docker exec dev-db psql -c 'DROP DATABASE a'",             False),
    "another machine's from there":    ("docker exec dev-db psql -h db -c 'DROP DATABASE a'",       True),
    "a live database in there":        ("docker exec dev-db psql -c 'DROP DATABASE a_prod'",        True),
    "a container of no stage":         ("docker exec db psql -c 'DROP DATABASE a'",                 True),
    "behind such a container":         ("docker exec dev-db ls; psql -c 'DROP DATABASE a'",         True),
    "a job in one's namespace":        ("kubectl delete job a -n dev-alice",                        False),
    "a job in no namespace":           ("kubectl delete job a",                                     True),
    "a job of a live cluster":         ("kubectl --context prod delete job a -n dev-alice",         True),
    "a namespace by one's own":        ("kubectl -n dev-alice delete ns dev-bob",                   True),
    "a cloud that is played":          ("tflocal destroy -auto-approve",                            False),
    "a cloud":                         ("terraform destroy -auto-approve",                          True),
    "a bucket that is played":         ("awslocal s3 rb s3://a --force",                             False),
    "a bucket by an endpoint here":    ("E=http://localhost:4566; aws --endpoint-url $E s3 rb s3://a --force", False),
    "an endpoint here by a variable":  ("AWS_ENDPOINT_URL=http://localhost:4566 aws s3 rb s3://a --force", False),
    "a bucket of no endpoint":         ("aws s3 rb s3://a --force",                                  True),
    "an endpoint elsewhere":           ("aws --endpoint-url http://localhost:1@a.example.com s3 rb s3://a --force", True),
    "an endpoint that is not known":   ("aws --endpoint-url $E s3 rb s3://a --force",                True),
    "a live bucket by an endpoint":    ("awslocal s3 rb s3://a-prod --force",                        True),
    "how a machine is stopped":        ("shutdown /?",                                              False),
    "how old a program is":            ("wipefs --version",                                         False),
    "signatures that are listed":      ("sudo wipefs /dev/sdb",                                     False),
    "signatures that are wiped":       ("sudo wipefs -a /dev/sdb",                                  True),
    "names of secrets":                ("kubectl get secret a -o json | jq '.data | keys'",         False),
    "names of secrets, told":          ("kubectl get secret a -o json | jq '.data | debug | keys'", True),
    "secrets":                         ("kubectl get secret a -o json | jq .data",                  True),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), CALLS.values(), ids=CALLS)
def test_stages(command: str, dangerous: bool) -> None:
    """A person looks at exactly the rows whose last column says so."""
    assert is_dangerous(judge_command(command)) is dangerous
