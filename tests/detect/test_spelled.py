"""What is in a text is in it as JSON spells it, too, and nothing else."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect.decode import decoded_views
from stopper.detect.inspection import Inspector, _said, packaged_detector
from stopper.detect.live import LiveInspector
from stopper.detect.rules import fill

INSPECTOR = Inspector(packaged_detector(b"a key for tests"))
JSON: dict[str, Callable[[str], str]] = {
    "ASCII": lambda text: json.dumps({"messages": [{"role": "user", "content": text}]}),
    "UTF-8": lambda text: json.dumps({"content": text}, ensure_ascii=False),
    "twice": lambda text: json.dumps({"arguments": json.dumps({"text": text})}),
}

TO_FILL_IN = {
    "an environment": "SMTP_USER=\nSMTP_PASSWORD=\nSTRIPE_SECRET_KEY=\nOPENAI_API_KEY=\nPORT=8004",
    "a prompt": "$ mysql -u shop -p\nEnter password:\nWelcome",
    "a tree": "$ pass ls\nPassword Store\n├── mail\n└── bank",
    "a file of users": "an empty hash field means no password login\nroot:*:19700:0:99999:7:::",
    "columns": "Nr.\tName\tKennwort gesetzt\n1\tSchmitt, Eva\tesc",
    "what to translate": 'tr.password = "şifre"\ntr.password_again = "şifre (tekrar)"',
    "what to replace": 'mot_de_passe: "à_remplacer"\nurl: mysql://usuario:contraseña@host/base',
    "a changed password": 'mot de passe modifié {"utilisateur":"b196798d-81ab-452e-9fea-95720dc20774"}',
}


@pytest.mark.parametrize("spell", JSON.values(), ids=JSON)
@pytest.mark.parametrize("text", TO_FILL_IN.values(), ids=TO_FILL_IN)
def test_how_json_spells_a_text_is_nothing_in_it(text: str, spell: Callable[[str], str]) -> None:
    """What follows a line end that JSON spells is on another line, whole and in a stream."""
    assert INSPECTOR.inspect(text).is_clean
    body = spell(text).encode()
    assert INSPECTOR.inspect(body).is_clean
    live = LiveInspector(INSPECTOR)
    released = [live.feed(body[at : at + 9]) for at in range(0, len(body), 9)]
    assert not any(each.findings for each in (*released, live.finish()))


ABROAD = {
    "Russian": "Привет! Пароль от сервера: {}, логин odin.",
    "Chinese": "后台数据库的密码是 {} ，请不要外传。",  # noqa: RUF001
    "Japanese": "検証環境のパスワードは {} です。",
    "Korean": "스테이징 서버 비밀번호는 {} 입니다.",
    "Swedish": "Lösenordet till databasen är {}, användaren heter app.",
    "German": "Der API-Schlüssel für den Versand ist {} und bleibt hier.",
    "Turkish": "veritabanı şifresi: {} — sonra",  # noqa: RUF001
}


@pytest.mark.parametrize("spell", JSON.values(), ids=JSON)
@pytest.mark.parametrize("text", ABROAD.values(), ids=ABROAD)
def test_secrets_told_in_other_languages(text: str, spell: Callable[[str], str]) -> None:
    """The letters that JSON escapes are those of the words that give the secret away."""
    secret = fill("{alnum:19}Kx7{alnum:6}", text)
    body = spell(text.format(secret))
    found = INSPECTOR.inspect(body).findings
    assert any(body[one.start : one.end].rstrip(",.") == secret for one in found)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_what_json_says_is_what_is_decoded(text: str) -> None:
    """A document of one line without its escapes, as the decoders give it too."""
    body = json.dumps([text, "\n"]).encode()
    said = _said(body)
    assert said is None or said in {view.data for view in decoded_views(body)}
    assert said is not None or b"\\\\" in body
