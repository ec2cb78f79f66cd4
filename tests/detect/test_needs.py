"""What a generic rule takes for a secret, and what it does not."""

from base64 import b64encode

import pytest

from stopper.detect.needs import NEEDS
from stopper.detect.rules import fill

NEEDED = {
    # what we try                 need          value                               whether it is met
    "a generated key":           ("random",     fill("{alnum:31}7"),                 True),
    "a hash, where it counts":   ("random",     fill("{hex:32}"),                    True),
    "letters whose case jumps":  ("key",        "VhSPwHxFgxGIngInlkMSGYogyZHF",      True),
    "a name in camel case":      ("random",     "getUserNameFromAccessToken",        False),
    "a class with a number":     ("key",        "Ed25519PrivateKey",                 False),
    "a private class":           ("key",        "_BedrockSigV4Auth",                 False),
    "an upper-case constant":    ("random",     "_X509_SUBJECT_TOKEN_TYPE",          False),
    "a name with a year":        ("random",     "wildcard-tls-cert-2024",            False),
    "a name with a date":        ("random",     "oauth-2025-04-20",                  False),
    "an attribute":              ("key",        "settings.api.KEY2",                 False),
    "a call":                    ("key",        "get_api_key(1)",                    False),
    "an expansion":              ("password",   "${DB_PASSWORD1}",                   False),
    "a YAML tag":                ("password",   "!vault",                            False),
    "a path":                    ("key",        "/run/secrets/api-key1",             False),
    "a placeholder":             ("key",        "your-api-key-123",                  False),
    "a row of letters":          ("random",     "abcdefghijklmnop1",                 False),
    "a .NET assembly's key":     ("random",     "31bf3856ad364e35",                  False),
    "a certificate":             ("random",     f"LS0tLS1CRUdJTiBDRVJU{fill('{b64:40}')}", False),
    "an integrity hash":         ("random",     f"sha512-{fill('{b64:86}')}==",      False),
    "a cipher's name":           ("random",     "EXO2-HMAC-SHA256",                  False),
    "a person's password":       ("password",   "Summer2024!",                       True),
    "words with a number":       ("password",   "correct-horse-battery-staple-7",    True),
    "a password of letters":     ("password",   "required",                          False),
    "a word with an accent":     ("password",   "Contraseña",                        False),
    "a hash is not mixed":       ("mixed",      fill("{hex:40}"),                    False),
    "a generated key is mixed":  ("mixed",      fill("{b36:32}"),                    True),
    "words are not mixed":       ("mixed",      "issue39579_dotted_name_offset",     False),
    "a card":                    ("card",       "5555 5555 5555 4444",               True),
    "a number that counts":      ("card",       "6543210123456788",                  False),
    "a number of zeros":         ("card",       "2238000000000000",                  False),
    "Basic, and decodes":        ("credentials", "YWxpY2U6d29uZGVybGFuZA==",          True),
    "Basic, and does not":       ("credentials", fill("{b64:29}7"),                   True),
    "Basic, and a word":         ("credentials", "authentication",                    False),
    "a password in a URL":       ("url_password", "pa55",                             True),
    "the word itself in a URL":  ("url_password", "PASSWORD",                         False),
    "a made-up name and number": ("random",     "Raven-Copper-0359",                  True),
    "one behind a dot":          ("password",   "Kestrel4131.quartz",                 True),
    "a constant with a number":  ("random",     "OAUTH2CLIENT_EXTRA_DEPENDENCIES",   False),
    "a class of a standard":     ("key",        "OAuth2Error",                       False),
    "a named argument":          ("key",        "minimum_port=8080",                 False),
    "a name in camel case, short": ("key",      "runsCountPerDag",                   False),
    "versions in a row":         ("card",       "2.7 2.6 2.5 2.4 2.3 2.2 2.1 2.0",    False),
    "code points of one block":  ("card",       "5352 5354 5353 5351",               False),
    "one group four times":      ("card",       "4242 4242 4242 4242",               True),
    "the word itself, encoded":  ("basic",      b64encode(b"username:password").decode(), False),
    "a year behind a name":      ("random",     "Wildcard-Config-2024",               False),
    "an attribute with digits":  ("password",   "Sha256.digest",                      False),
    "a template in a URL":       ("url_password", "{password}",                       False),
    "letters at random":         ("password",   "jTkvayKiWhtc",                      True),
    "two words and a number":    ("password",   "ember.cobalt292",                   True),
    "an attribute with a size":  ("password",   "hashes.sha512",                     False),
    "a version":                 ("password",   "2024.10.1-beta3",                   False),
    "a type of GraphQL":         ("password",   "String!):",                         False),
    "an address of Ethereum":    ("random",     f"0x{fill('{hex:40}')}",             False),
    "what was sealed":           ("password",   f"AgB{fill('{b64:240}')}",           False),
    "small, capital, digit":     ("strong",     "Vr4fLLAFx",                         True),
    "small, digit, sign":        ("strong",     "hunter2!",                          True),
    "small and digit alone":     ("strong",     "hunter2-x",                         False),
    "a password that goes on":   ("password_phrase", "Tr0ub4dor horse staple",       True),
    "a password that does not":  ("password_phrase", "Tr0ub4dor",                    False),
    "words and a number":        ("password_phrase", "correct horse battery 9",      True),
    "words and a strong one":    ("password_phrase", "correct Horse9! battery",      True),
    "words alone":               ("password_phrase", "correct horse battery",        False),
    "a hint and a number":       ("password_phrase", "minimum length 8",             False),
    "a hint with an example":    ("password_phrase", "Must be like Passw0rd!",       False),
    "a key that goes on":        ("key_phrase",  fill("{alnum:31}7 {lower:5}"),      True),
    "a key that does not":       ("key_phrase",  fill("{alnum:31}7"),                False),
    "no key":                    ("key_phrase",  "settings.api.KEY2 of the app",     False),
    "a header":                  ("header",     "-----BEGIN PRIVATE KEY-----",       True),
    "a header and its end":      ("header",     "-----BEGIN PRIVATE KEY----- ... -----END PRIVATE KEY-----", False),
    "a header in code":          ("header",     '-----BEGIN PRIVATE KEY-----")',     False),
}  # fmt: skip


@pytest.mark.parametrize(("need", "value", "met"), NEEDED.values(), ids=NEEDED)
def test_needs(need: str, value: str, *, met: bool) -> None:
    assert NEEDS[need](value.encode()) is met
