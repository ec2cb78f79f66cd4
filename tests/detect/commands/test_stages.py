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
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), CALLS.values(), ids=CALLS)
def test_stages(command: str, dangerous: bool) -> None:
    """A person looks at exactly the rows whose last column says so."""
    assert is_dangerous(judge_command(command)) is dangerous
