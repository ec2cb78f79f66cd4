import pytest

from stopper.detect.commands import is_dangerous, judge_command

CALLS = {
    # what is tried, a command, and whether it is dangerous
    "the environment of a container":          ("docker inspect a | jq '.[0].Config.Env'", True),
    "its lines":                               ("docker inspect a | grep -A9 '\"Env\"'", True),
    "a password in it":                        ("podman inspect a | grep -i password", True),
    "by a program's code":                     ("docker inspect a | python3 -c \"import json,sys; print(json.load(sys.stdin)[0]['Config']['Env'])\"", True),
    "a password of a chart":                   ("helm get values a | grep password", True),
    "all values of a chart":                   ("helm get values a", False),
    "passwords of what was built":             ("terraform show -json | jq '..|.password?'", True),
    "an address of it":                        ("terraform output -json | jq .vpc_id", False),
    "secrets among other kinds":               ("kubectl get cm,secret -o yaml", True),
    "other kinds":                             ("kubectl get pods,svc -o yaml", False),
    "variables that a vault gives":            ("doppler run -- printenv", True),
    "a program that a vault starts":           ("op run -- npm start", False),
    "its state":                               ("docker inspect a | jq '.[0].State'", False),
    "its address":                             ("docker inspect a | grep IPAddress", False),
    "all of it":                               ("docker inspect a", False),
    "a word in something else":                ("docker logs a | grep -i token", False),
    "the environment on a platform":           ("heroku run env -a a", True),
    "on another":                              ('fly ssh console -C "printenv"', True),
    "by its variables":                        ("railway run printenv", True),
    "in a test of one's own":                  ('fly ssh console -a a-dev -C "env"', False),
    "something else on a platform":            ("heroku run rails db:migrate -a a", False),
    "variables of what is live":               ("vercel env pull .env.production", True),
    "variables for one who develops":          ("vercel env pull .env.local", False),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), CALLS.values(), ids=CALLS)
def test_what_shows_an_environment(command: str, dangerous: bool) -> None:
    """Environments that people live on are credentials, also where a filter finds them."""
    assert is_dangerous(judge_command(command)) is dangerous
