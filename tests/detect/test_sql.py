import pytest

from stopper.detect.sql import MAX_SQL, judge_sql

CASES = {
    # what is tried             SQL                                                  dialect      scopes
    "a table":                  ("DROP TABLE users",                                  None,        ["remote"]),
    "if it exists":             ("drop table if exists users cascade",                "postgres",  ["remote"]),
    "a database":               ("DROP DATABASE prod",                                "mysql",     ["remote"]),
    "a schema":                 ("DROP SCHEMA public CASCADE",                        "postgres",  ["remote"]),
    "a quoted name":            ('DROP TABLE "public"."users"',                       "postgres",  ["remote"]),
    "a name in brackets":       ("DROP TABLE [dbo].[users]",                          "tsql",      ["remote"]),
    "a name in backticks":      ("DROP TABLE `users`",                                "mysql",     ["remote"]),
    "truncate":                 ("TRUNCATE users",                                    "postgres",  ["remote"]),
    "truncate table":           ("TRUNCATE TABLE users RESTART IDENTITY",             "postgres",  ["remote"]),
    "delete all":               ("DELETE FROM users",                                 None,        ["remote"]),
    "delete where 1=1":         ("DELETE FROM users WHERE 1=1",                       None,        ["remote"]),
    "delete where true":        ("DELETE FROM users WHERE true",                      "postgres",  ["remote"]),
    "delete where 1":           ("DELETE FROM users WHERE 1",                         "mysql",     ["remote"]),
    "delete where id=id":       ("DELETE FROM users WHERE id=id",                     None,        ["remote"]),
    "delete where a or true":   ("DELETE FROM users WHERE id=5 OR 1=1",               None,        ["remote"]),
    "delete where not false":   ("DELETE FROM users WHERE NOT false",                 "postgres",  ["remote"]),
    "delete where any name":    ("DELETE FROM users WHERE name LIKE '%'",             None,        ["remote"]),
    "delete where 2>1":         ("DELETE FROM users WHERE 2 > 1",                     None,        ["remote"]),
    "delete some":              ("DELETE FROM users WHERE id = 5",                    None,        ["rows"]),
    "delete some, really":      ("DELETE FROM users WHERE id = 5 AND 1=1",            None,        ["rows"]),
    "update all":               ("UPDATE users SET admin = 1",                        None,        ["remote"]),
    "update where 1=1":         ("UPDATE users SET admin = 1 WHERE 1=1",              None,        ["remote"]),
    "update some":              ("UPDATE users SET admin = 1 WHERE id IN (1, 2)",     None,        ["rows"]),
    "a column":                 ("ALTER TABLE users DROP COLUMN email",               "postgres",  ["remote"]),
    "stacked":                  ("SELECT 1; DROP TABLE users; --",                    None,        ["remote"]),
    "behind a comment":         ("/* fine */ DROP /* x */ TABLE users",               None,        ["remote"]),
    "between comments":         ("DROP/**/TABLE/**/users",                            None,        ["remote"]),
    "what MySQL runs":          ("/*!50000 DROP TABLE users */",                      "mysql",     ["remote"]),
    "in a CTE":                 ("WITH d AS (DELETE FROM a RETURNING *) SELECT * FROM d", "postgres", ["remote"]),
    "in odd case":              ("dRoP tAbLe users",                                  None,        ["remote"]),
    "in no SQL":                ("%%% DROP TABLE users (((",                          None,        ["remote"]),
    "in T-SQL":                 ("USE prod; DROP TABLE dbo.users;",                   "tsql",      ["remote"]),
    "in Oracle":                ("DROP TABLE users PURGE",                            "oracle",    ["remote"]),
    "in BigQuery":              ("DROP TABLE `p.d.t`",                                "bigquery",  ["remote"]),
    "in Snowflake":             ("DROP WAREHOUSE wh",                                 "snowflake", ["remote"]),
    "in ClickHouse":            ("DROP TABLE events ON CLUSTER c",                    "clickhouse", ["remote"]),
    "in SQLite":                ("DELETE FROM users; VACUUM;",                        "sqlite",    ["remote"]),
    "in DuckDB":                ("DROP VIEW v",                                       "duckdb",    ["remote"]),
    "a question":               ("SELECT * FROM users WHERE name = 'drop table'",     None,        []),
    "a string":                 ("INSERT INTO log VALUES ('DROP TABLE users')",       None,        []),
    "a comment":                ("SELECT 1 -- DROP TABLE users",                      None,        []),
    "a column named so":        ("SELECT deleted, updated FROM truncated",            None,        []),
    "a new table":              ("CREATE TABLE a (id int)",                           None,        []),
    "a new column":             ("ALTER TABLE users ADD COLUMN age int",              "postgres",  []),
    "an explanation":           ("EXPLAIN DELETE FROM users WHERE id = 1",            "postgres",  ["rows"]),
    "nothing":                  ("",                                                  None,        []),
}  # fmt: skip

OTHER = {
    # what is tried             SQL                                                  kind
    "a program":                ("COPY a TO PROGRAM 'sh'",                            "remote_code"),
    "a shell of SQL Server":    ("EXEC xp_cmdshell 'dir'",                            "remote_code"),
    "a library":                ("SELECT load_extension('x')",                        "remote_code"),
    "a file written":           ("SELECT 1 INTO OUTFILE '/tmp/x'",                    "overwrite"),
    "a file read":              ("SELECT load_file('/etc/passwd')",                   "credential_read"),
    "all rights":               ("GRANT ALL ON *.* TO x",                             "privilege"),
}  # fmt: skip

UNPROVABLE = {
    "too large": ("DROP " * MAX_SQL, "command.too_large"),
    "too deep": ("DELETE FROM a WHERE " + "(" * 80 + ")" * 80, "command.too_deep"),
    "made at run time": ("EXECUTE IMMEDIATE v", "command.unknown_code"),
}


@pytest.mark.parametrize(("sql", "dialect", "scopes"), CASES.values(), ids=CASES)
def test_what_is_destroyed(sql: str, dialect: str | None, scopes: list[str]) -> None:
    """Each row destroys what its last column says, and nothing else."""
    judgement = judge_sql(sql, dialect)
    assert {effect.scope.value for effect in judgement.effects} == set(scopes)
    assert judgement.kinds <= {"database"}


@pytest.mark.parametrize(("sql", "kind"), OTHER.values(), ids=OTHER)
def test_what_a_database_does_besides(sql: str, kind: str) -> None:
    """A statement may reach beyond the data."""
    assert kind in judge_sql(sql).kinds


@pytest.mark.parametrize(("sql", "reason"), UNPROVABLE.values(), ids=UNPROVABLE)
def test_what_cannot_be_told(sql: str, reason: str) -> None:
    """What is not understood is never clean."""
    assert reason in {part.reason for part in judge_sql(sql).unprovable}
