"""SQL by itself is judged as SQL; what a shell would find in it besides still counts."""

import pytest

from stopper.detect.commands import EffectKind, is_dangerous, judge_command

DANGEROUS = [
    "DROP SCHEMA public CASCADE;",
    "drop table users",
    "DELETE FROM customers;",
    "DELETE FROM sessions WHERE 1=1;",
    "UPDATE accounts SET balance = 0;",
    "ALTER TABLE employees DROP COLUMN salary;",
    "TRUNCATE TABLE orders;",
    "SELECT a FROM b WHERE c > 3; DROP TABLE b;",
    "BEGIN;\nDELETE FROM payment_methods;\nDELETE FROM subscriptions;\nCOMMIT;",
    "SET statement_timeout = 0; -- it takes long\nTRUNCATE events;",
    "EXPLAIN (ANALYZE, BUFFERS) DELETE FROM events",
]
FINE = [
    "SELECT id, status FROM orders WHERE created_at > now() - interval '1 day' LIMIT 50;",
    "SELECT u.name, COUNT(o.id) FROM users u GROUP BY u.name HAVING COUNT(o.id) > 3;",
    "CREATE INDEX CONCURRENTLY idx_orders_user_id ON orders (user_id);",
    "INSERT INTO tags (name) VALUES ('do not DROP TABLE users') ON CONFLICT DO NOTHING;",
    "UPDATE accounts SET balance = balance + 1 WHERE id = 7;",
    "DELETE FROM sessions WHERE expires_at < '2026-01-01';",
    "EXPLAIN ANALYZE SELECT a FROM b WHERE c <> 2;",
    "EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM events WHERE user_id = 4412;",
    "SELECT status, count(*) FROM orders GROUP BY status;",
    "SELECT pg_size_pretty(pg_total_relation_size('events'));",
    "-- how many would it have removed\nSELECT count(*)\nFROM sessions\nWHERE expires_at < now() - interval '90 days';",
    "BEGIN;\nUPDATE plans SET plan = 'team' WHERE id = 5531;\nINSERT INTO log (id, at) VALUES (5531, now());\nCOMMIT;",
    "WITH d AS (SELECT date_trunc('day', ts) AS day, count(*) c FROM clicks GROUP BY 1) SELECT avg(c) FROM d;",
]
OF_A_SHELL = [
    ("SELECT a FROM b; rm -rf ~/work", EffectKind.DELETE),
    ("SELECT a FROM b\nrm -rf ~/work", EffectKind.DELETE),
    ("SELECT $(rm -rf ~/work) FROM b", EffectKind.DELETE),
    ("SELECT `rm -rf ~/work` FROM b", EffectKind.DELETE),
    ("DELETE FROM a WHERE b = 3 && rm -rf ~/work", EffectKind.DELETE),
    ("SELECT a FROM b > ~/.bashrc", EffectKind.PERSISTENCE),
    ("BEGIN; rm -rf ~/work; COMMIT; SELECT a FROM b", EffectKind.DELETE),
    ("SELECT a FROM b -- ; rm -rf ~/work", EffectKind.DELETE),
]


@pytest.mark.parametrize(
    "text", ["SELECT a FROM b WHERE c IN\n(*)", "SELECT a FROM b WHERE c IN (\n*)"]
)
def test_a_star_alone_is_any_program(text: str) -> None:
    """A shell would run the first file of the folder; the star of `count(*)` it does not reach."""
    assert judge_command(text).unprovable


@pytest.mark.parametrize("text", DANGEROUS)
def test_statements_are_judged_by_what_they_do(text: str) -> None:
    judged = judge_command(text)
    assert is_dangerous(judged)
    assert EffectKind.DATABASE in {effect.kind for effect in judged.effects}


@pytest.mark.parametrize("text", FINE)
def test_a_comparison_writes_no_file(text: str) -> None:
    assert not is_dangerous(judge_command(text))


@pytest.mark.parametrize(("text", "kind"), OF_A_SHELL)
def test_a_shell_behind_a_statement_still_counts(text: str, kind: EffectKind) -> None:
    judged = judge_command(text)
    assert is_dangerous(judged)
    assert kind in {effect.kind for effect in judged.effects}
