"""Secrets in the cells of tables, whatever stands between cells, and tables that have none."""

import pytest

from stopper.detect.allowance import Allowance
from stopper.detect.columns import MAX_CELLS, columned
from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.rules import fill

INSPECTOR = Inspector(packaged_detector(b"a key for tests"))
PASSWORD = fill("Kx{alnum:10}7!")
KEY = fill("{hex:31}7")

TABLES = {
    # what the table is        the text around the secret                                   the secret
    "commas":                 ("id,user,password\n1,bob,{}\n2,eve,\n",                      PASSWORD),
    "quoted cells":           ('"host","user","password"\n"db,1","app","{}"\n',             PASSWORD),
    "a browser's export":     ("name,url,username,password,note\nx,https://x.example,b,{},\n", PASSWORD),
    "a first cell left out":  ("folder,name,login_password\n,Site,{}\n",                    PASSWORD),
    "a cloud's export":       ("User name,Access key ID,Secret access key\nbob,,{}\n",      KEY),
    "semicolons, in German":  ("Benutzer;Passwort;Rolle\r\nbob;{};admin\r\n",               PASSWORD),
    "tabs":                   ("user\tapi_token\tcreated\nbob\t{}\t2024-01-01\n",           KEY),
    "Markdown":               ("| host | password |\n|:-----|---:|\n| db1 | {} |\n",       PASSWORD),
    "Markdown with code":     ("| Service | API key |\n|---|---|\n| maps | `{}` |",         KEY),
    "what psql prints":       (" id | password \n----+-------\n  1 | {}\n(1 row)\n",       PASSWORD),
    "what mysql prints":      ("+---+---+\n| id | password |\n+---+---+\n| 1 | {} |\n",    PASSWORD),
    "columns by blanks":      ("USER      PASSWORD          ROLE\nbob       {}      x\n",   PASSWORD),
    "a comment":              ("# user,password\n# bob,{}\n",                               PASSWORD),
    "a short name":           ("| user | pass |\n|---|---|\n| a | b |\n| c | {} |\n",      PASSWORD),
    "inside JSON":            (r'{{"text": "user,password\nbob,{}\n"}}',                    PASSWORD),
    "inside JSON, to its end": (r'{{"a": 1, "text": "id,token\n1,{}"}}',                      KEY),
    "in a literal of code":   ('print("id,password\\n1,{}\\n")',                            PASSWORD),
    "HTML":                   ("<table>\n<tr><th>Konto</th><th>Passwort</th></tr>\n<tr><td>a</td><td>{}</td></tr>\n", PASSWORD),
    "HTML with attributes":   ('<tr class="h"><th>user</th><th id="p">token</th></tr>\n<tr><td>a</td><td>{}</td></tr>\n', KEY),
    "the last of many rows":  ("id,secret\n" + "1,\n" * 999 + "1,{}\n",                    KEY),
}  # fmt: skip


@pytest.mark.parametrize(("text", "secret"), TABLES.values(), ids=TABLES)
def test_found_in_its_cell(text: str, secret: str) -> None:
    """What is found is the cell, and nothing besides."""
    whole = text.format(secret)
    found = {whole[one.start : one.end] for one in INSPECTOR.inspect(whole).findings}
    assert found == {secret}


def test_found_in_each_row() -> None:
    """Equal secrets in several rows are several findings."""
    text = f"user,password\nbob,{PASSWORD}\neve,{PASSWORD}\n"
    assert len(INSPECTOR.inspect(text).findings) == 2


INNOCENT = {
    "a schema": "| field | type |\n|---|---|\n| password | varchar(255) |\n| token | uuid4 |\n",
    "a schema without its header": "| password | string1 | required |\n| token | uuid4 | no |\n",
    "placeholders": "user,password\nbob,changeme1\neve,********\nann,<password1>\n",
    "hashes in a column of hashes": f"user,password_hash\nbob,{KEY}\n",
    "identifiers of keys": f"name,key_id\nbob,{KEY}\n",
    "tokens of a lexer": "| token | regex |\n|---|---|\n| NUMBER | [0-9]+ |\n| IDENT_2 | x |\n",
    "names of secrets": "| Secret | Used by |\n|---|---|\n| `NPM_TOKEN` | ci-2 |\n| db-main-2 | api |\n",
    "results of tests": "| test | pass |\n|---|---|\n| login | flaky-3of10 |\n",
    "a schema in HTML": "<tr><th>field</th><th>token</th></tr>\n<tr><td>id</td><td>uuid4</td></tr>\n",
    "a list in code": "    user,\n    password,\n    token1,\n    value_2,\n",
    "prose": "We need the user, password\nThe second line, abc1234567 is no secret\n",
    "a table that ended": f"user,password\n\n1,{KEY[:12]}x\n",
}


@pytest.mark.parametrize("text", INNOCENT.values(), ids=INNOCENT)
def test_innocent(text: str) -> None:
    """Tables that only speak of secrets have none."""
    assert not INSPECTOR.inspect(text).findings


@pytest.mark.parametrize(
    "text", [b"", b"password", b"\n" * 9, b"pw," * 9, b"\xb1a,\n", b"token  \n"]
)
def test_nothing_to_read(text: bytes) -> None:
    """What has a name and no rows has no cells."""
    assert not list(columned(text, Allowance()))


def test_a_long_table_comes_in_parts() -> None:
    """Each cell in one of them, and whoever has seen enough need not wait for all."""
    rows = [f"ann{number},Pw{number:06}x" for number in range(2 * MAX_CELLS + 3)]
    parts = list(columned(b"user,password\n" + "\n".join(rows).encode(), Allowance()))
    assert len(parts) == 3
    told = b"".join(part.text for part in parts)
    assert all(row.partition(",")[2].encode() in told for row in rows[:: MAX_CELLS // 3])
    assert told.count(b"password: ") == len(rows)
