"""What a generator makes is told from what people call things."""

import random
import string

import pytest

from stopper.control.random import looks_random

RANDOM = random.Random(13)  # noqa: S311  made of an alphabet, and the same in every run
LETTERS = string.ascii_letters + string.digits
SIGNS = "!#$%&*+-.@_~^"

ORDINARY = [
    "", "production", "my awesome project", "correct-horse-battery-staple",
    "/usr/local/bin/python3.11", "/usr/bin:/bin:/opt/x86_64-linux-gnu/7.3.0/bin", "C:\\Users\\Me7\\x",
    "/home/u/.nvm/versions/node/v20.11.1/bin", "./node_modules/.bin/eslint", "src/**/*.{ts,tsx}",
    "https://api.example.com/v1/users?id=42", "redis://cache:6379/0", "s3://bucket/key",
    "postgres://me@db.internal:5432/app", "unix:///run/user/1000/bus",
    "db-7f3kq2.eu-west-1.rds.amazonaws.com", "localhost:5432", "192.168.100.200:8080",
    "2001:0db8:85a3:0000:0000:8a2e:0370:7334", "02:42:ac:11:00:02", "0.0.0.0/0,::/0",
    "kafka-1.internal:9092,kafka-2.internal:9092", "localhost,127.0.0.1,.internal",
    "1234567890123", "+1-202-555-0123", "3.14159265358979", "2024-01-02T03:04:05Z", "1.5GB,2Gi",
    "v1.22.333-rc.1", "3.11.7+local.20240102", "net8.0-windows10.0.19041", "TLSv1.2,TLSv1.3",
    "en_US.UTF-8", "de_DE.ISO-8859-15@euro", "America/New_York", "Etc/GMT+12",
    "x86_64-unknown-linux-gnu", "aarch64-apple-darwin23.4.0", "py311-linux-64", "xterm-256color",
    "python:3.11-slim-bookworm", "ghcr.io/acme/app:1.2.3", "node18-alpine3.19", "iPhone14,2",
    "claude-3-5-sonnet-20241022", "Qwen2.5-Coder-32B-Instruct", "gemini-2.5-pro-exp-03-25",
    "--max-old-space-size=4096 --no-warnings", "-Xmx2048m", "-XX:+UseG1GC", "*/5 * * * *",
    "feature/JIRA-1234-fix-login", "refs/heads/Feature_12", "arn:aws:iam::123456789012:role/Deploy-7",
    "john.doe@example.com", "ECDHE-RSA-AES128-GCM-SHA256", "com.acme.App1Service2",
    "FEATURE_A=1,FEATURE_B=0", '{"a":1,"b":[1,2,3]}', "%Y-%m-%d", "rs=0:di=01;34:ln=01;36",
    "Mozilla/5.0 (X11; Linux x86_64)", "application/vnd.api+json;version=2", "Z\u00fcrich2024",
]  # fmt: skip


@pytest.mark.parametrize("value", ORDINARY)
def test_ordinary_values(value: str) -> None:
    assert not looks_random(value)


GENERATED = {
    # what it is              so many   of these
    "letters and digits":    (16,       LETTERS),
    "a short password":      (12,       LETTERS),
    "with signs":            (20,       LETTERS + SIGNS),
    "small letters":         (24,       string.ascii_lowercase + string.digits),
    "letters alone":         (20,       string.ascii_letters),
    "hex":                   (32,       "0123456789abcdef"),
    "base64 for URLs":       (43,       LETTERS + "-_"),
}  # fmt: skip


@pytest.mark.parametrize(("size", "alphabet"), GENERATED.values(), ids=GENERATED)
def test_generated_values(size: int, alphabet: str) -> None:
    """Nine of ten at least: the others happen to look like something."""
    values = ["".join(RANDOM.choices(alphabet, k=size)) for _ in range(300)]
    assert sum(map(looks_random, values)) >= 270


def test_one_of_a_list() -> None:
    """Of several in one variable each is asked."""
    secret = "".join(RANDOM.choices(LETTERS, k=20))
    assert looks_random(f"first,{secret},last")
