"""What can be told of a value alone: checksums that make it certain, structure, and randomness.

A checksum that holds raises the tier of a finding. One that fails means nothing: a vendor may have
changed it, or a character may be mistyped.
"""

import base64
import binascii
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from hashlib import sha256
from itertools import pairwise

from stopper.detect.letters import is_unreadable

__all__ = ["CHECKS", "NEEDS", "aws_account", "entropy", "luhn"]

_BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE36 = b"0123456789abcdefghijklmnopqrstuvwxyz"
_BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_STEPS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_LENGTH = 6
_CRC_LENGTH = 6
_HEX_CRC_LENGTH = 8
_GITLAB_CRC_LENGTH = 7
_GLSA_SIGNED = 37
_MAX_JSON = 8192
_DIGITS = b"0123456789"
_NO_DIGITS = bytes(byte for byte in range(256) if byte not in _DIGITS)
_TO_NUMBERS = bytes.maketrans(_DIGITS, bytes(range(10)))
_DOUBLED = bytes.maketrans(bytes(range(10)), bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))
_LOCATION = re.compile(rb"\x02\x01(.)", re.DOTALL)


def aws_account(key_id: bytes) -> str | None:
    """The twelve-digit account that an AWS access key id names; None when it names none.

    It tells one's own accounts from others; nearly every string of the right letters names one.
    """
    body = key_id[4:].decode("latin-1")
    try:
        number = int.from_bytes(base64.b32decode(body)[:6], "big")
    except (binascii.Error, ValueError):
        return None
    account = str((number & 0x7FFF_FFFF_FF80) >> 7).zfill(12)
    return account if len(account) == len("123456789012") else None


def entropy(value: bytes) -> float:
    """Shannon entropy in bits a byte; a value of n different bytes can reach log2(n)."""
    counts = Counter(value).values()
    return math.log2(len(value)) - sum(n * math.log2(n) for n in counts if n > 1) / len(value)


def luhn(digits: bytes) -> bool:
    """Whether the check digit of a card number is right; separators are skipped."""
    bare = digits.translate(_TO_NUMBERS, _NO_DIGITS)
    total = sum(bare[-1::-2]) + sum(bare[-2::-2].translate(_DOUBLED))
    return len(bare) > 1 and total % 10 == 0


def _digits(number: int, alphabet: bytes, length: int) -> bytes:
    found = bytearray()
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        found.append(alphabet[digit])
    return bytes(reversed(found))


def _base62_crc(value: bytes) -> bool:
    """GitHub's and npm's: six base62 digits of the CRC32 of what follows the prefix."""
    body = value.partition(b"_")[2]
    if len(body) <= _CRC_LENGTH:
        return False
    crc = zlib.crc32(body[:-_CRC_LENGTH])
    return _digits(crc, _BASE62, _CRC_LENGTH) == body[-_CRC_LENGTH:]


def _hex_crc(value: bytes) -> bool:
    """Atlassian's and Bitbucket's: eight hex digits of the CRC32 of all before them."""
    signed, tail = value[:-_HEX_CRC_LENGTH], value[-_HEX_CRC_LENGTH:]
    return f"{zlib.crc32(signed):08X}".encode() == tail.upper()


def _grafana_crc(value: bytes) -> bool:
    """The CRC32 of prefix and secret, its bytes in little-endian order."""
    crc = zlib.crc32(value[:_GLSA_SIGNED]).to_bytes(4, "little").hex()
    return value[_GLSA_SIGNED + 1 :] == crc.encode()


def _gitlab_crc(value: bytes) -> bool:
    """Seven base36 digits of the CRC32 of all before them, in routable tokens."""
    signed, tail = value[:-_GITLAB_CRC_LENGTH], value[-_GITLAB_CRC_LENGTH:]
    return b"." in signed and _digits(zlib.crc32(signed), _BASE36, _GITLAB_CRC_LENGTH) == tail


def _bech32(value: bytes) -> bool:
    """BIP 173, as age keys have it."""
    prefix, _, data = value.lower().rpartition(b"1")
    if len(data) <= _BECH32_LENGTH or any(byte not in _BECH32 for byte in data):
        return False
    residue = 1
    high, low = [byte >> 5 for byte in prefix], [byte & 31 for byte in prefix]
    for number in (*high, 0, *low, *(_BECH32.index(byte) for byte in data)):
        top = residue >> 25
        residue = (residue & 0x1FF_FFFF) << 5 ^ number
        for bit, step in enumerate(_BECH32_STEPS):
            residue ^= step if top >> bit & 1 else 0
    return residue == 1


def _base58_sum(value: bytes) -> bool:
    """Bitcoin's: the first four bytes of the doubled SHA-256 of all before them."""
    number = 0
    for byte in value:
        digit = _BASE58.find(byte)
        if digit < 0:
            return False
        number = number * len(_BASE58) + digit
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return sha256(sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


def _nkey_crc(value: bytes) -> bool:
    """CRC-16/XMODEM over the decoded bytes, little-endian at their end."""
    try:
        data = base64.b32decode(value + b"=" * (-len(value) % 8))
    except binascii.Error:
        return False
    return binascii.crc_hqx(data[:-2], 0) == int.from_bytes(data[-2:], "little")


def _decoded(value: bytes) -> bytes:
    """Base64 of either alphabet, with or without padding; empty when it is none."""
    text = value.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""


def _json(data: bytes) -> dict[str, object]:
    try:
        value = json.loads(data[:_MAX_JSON])
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _jwt(value: bytes) -> bool:
    """A header that names its algorithm, before a payload that is JSON."""
    start = value.find(b"ey")
    header, _, rest = value[max(start, 0) :].partition(b".")
    return "alg" in _json(_decoded(header)) and bool(rest)


def _basic(value: bytes) -> bool:
    """`user:password` in printable characters."""
    user, colon, password = _decoded(value).partition(b":")
    if password.lower() in _ITSELF:
        return False
    return bool(colon and user and password) and (user + password).isascii()


def _discord(value: bytes) -> bool:
    """The first part is the bot's number."""
    return _decoded(value.partition(b".")[0]).isdigit()


def _base64_json(value: bytes) -> bool:
    """JSON in base64 behind a prefix."""
    start = value.find(b"eyJ")
    return start >= 0 and bool(_json(_decoded(re.split(rb"[._]", value[start:])[0])))


def _macaroon(value: bytes) -> bool:
    """PyPI's: a version byte, then a location of the length that stands before it."""
    data = _decoded(value.partition(b"-")[2])
    found = _LOCATION.match(data)
    return found is not None and b"." in data[found.end() : found.end() + found[1][0]]


def _jfrog(value: bytes) -> bool:
    """Base58 of which every character is in the alphabet, and base64 that begins with `reftkn:`."""
    if value.startswith(b"cmVmdGtu"):
        return _decoded(value).startswith(b"reftkn:")
    return all(byte in _BASE58 for byte in value) and len(value) == len(b"AKCp") + 69


CHECKS: Mapping[str, Callable[[bytes], bool]] = {
    "base62_crc": _base62_crc,
    "hex_crc": _hex_crc,
    "grafana_crc": _grafana_crc,
    "gitlab_crc": _gitlab_crc,
    "base58_sum": _base58_sum,
    "bech32": _bech32,
    "nkey_crc": _nkey_crc,
    "luhn": luhn,
    "jwt": _jwt,
    "basic": _basic,
    "discord": _discord,
    "base64_json": _base64_json,
    "macaroon": _macaroon,
    "jfrog": _jfrog,
}

_HEX = re.compile(rb"[0-9a-f]+|[0-9A-F]+")
_UUID = re.compile(rb"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
# What stands where a secret would and is public: hashes, certificates, addresses of Ethereum, what
# was sealed for a cluster, .NET's assembly keys.
_PUBLIC = re.compile(
    rb"(?i)(?:md5|sha(?:1|224|256|384|512))[-:=]|sk-(?:ssh|ecdsa)-|0x[0-9a-f]{40}\Z"
    rb"|(?:arn:aws[a-z-]{0,10}|urn:[a-z0-9-]{2,31}):"
    rb"|(?-i:Ag[A-P][A-Za-z0-9+/]{57})"
    rb"|(?-i:LS0tLS1CRUdJTi(?:BDRVJU|BQVUJM))"
    rb"|(?:31bf3856ad364e35|b03f5f7f11d50a3a|b77a5c561934e089|cc7b13ffcd2ddd51|30ad4fe6b2a6aeed"
    rb"|89845dcd8080cc91|adb9793829ddae60|7cec85d7bea7798e)\Z"
)
# Code and templates where a value is expected: names, calls, subscripts, expansions, paths, and
# the number of a version.
_CODE = re.compile(
    rb"[A-Za-z_$@][A-Za-z_]*"
    rb"|[\w.$]+\(.*"
    rb"|:{0,2}[A-Za-z_]\w*(?:(?:\.|->|::|\?\.)[A-Za-z_]\w*)+(?:(?:[!?]?[(\[]|\|\||&&|[=!]=).*)?"
    rb"|:{1,2}[A-Za-z_]\w*(?:[!?]?\(.*)?"
    rb"|[A-Za-z_]\w*\[.*"
    rb"|[a-z][a-z_]*=\w*|[a-z]+(?:[A-Z][a-z]+)+=|![A-Za-z:-]+|\^[(\[].*|\).*"
    rb"|(@@?|%%?|##?|__)[A-Za-z][A-Za-z_.-]*\1|0x[0-9A-Fa-f]{1,8}|[a-z.-]{3,}@[a-z.-]{3,}"
    rb"|(?:[Uu]?[Ii]nt|[Ff]loat|[Cc]omplex|[Uu][Tt][Ff]-?)(?:8|16|32|64|128)[A-Za-z]*"
    rb"|(?:urlsafe_)?b(?:32|64|85)(?:en|de)code|(?:argon2(?:id|i|d)|pbkdf2[a-z0-9_-]*|md5|ed25519|x25519|[a-z]{1,6}-?(?:1|128|256|384|512))"
    rb"|\[?(?:Boolean|Float|ID|Int|String)!\]?!?[)},:]*"
    rb"|v?[0-9]{1,4}(?:\.[0-9]{1,5}){1,3}(?:[-+.]?(?:alpha|beta|rc|dev|pre|post|snapshot|[ab])[-.]?[0-9]{0,5})?"
    rb"|(?:[$%#]?\{|<|\$\(|\$[A-Za-z_]|%(?:[A-Za-z](?![A-Za-z0-9])|[a-z]{0,8}\()|[\[(*]).*"
    rb"|(?:[A-Za-z]:[\\/]|\.{0,2}/|~/|https?:|[bruf]{1,2}$).*"
)
_WORDS = re.compile(
    rb"example|placeholder|change[-_]?(?:me|it|this)|your|insert[-_]|replace[-_]?(?:me|with)"
    rb"|(?:sha|hmac|aes|rsa|ecdsa)[-_]?(?:1|128|256|384|512)(?![0-9a-z])"
    rb"|20[0-9]{2}-[01][0-9]-[0-3][0-9]|redacted|dummy|sample|undefined|xxxx|\*{3}|\.\.\.|todo|fixme|lorem|deprecated"
    rb"|\\f[birp]|\\-|:x:[0-9]{1,6}:|\brequired\||\|(?:required|confirmed|nullable)\b"
    rb"|\[\^|\(\?[:=!<p]|a-za-z|0-9a-[fz]|#[a-z]{3,}#"
    rb"|not[-_]?set|my[-_]?(?:secret|token|key|pass)|\A(?:none|null|true|false|optional|required)\Z"
)
# A name and a number that is no size and no year: what people make up, and hardly ever a name.
_MADE_UP = re.compile(
    rb"(?:(?:[A-Za-z]+[-_.!*+])?[A-Z][a-z]{3,}[-_.!*+]?|(?:[a-z]{3,}[-_.!*+]){2,4})"
    rb"(?!(?:19[7-9]|20[0-4])[0-9](?![0-9])|(?:128|192|224|256|384|512|1024|1305|2048|3072|4096|25519)\b)"
    rb"[0-9]{3,8}(?:[-_.!*+][A-Za-z]+)?[-_.!*+#$%&]?"
)
# Two words and a number, which might be an attribute, but is hardly ever called so.
_DOTTED = re.compile(
    rb"[a-z]{3,}\.[a-z]{3,}(?!(?:19[7-9]|20[0-4])[0-9]|(?:128|192|224|256|384|512|1024|2048|4096)\Z)"
    rb"[0-9]{3,4}"
)
# Words for a password, and what a broker's documentation has for its default user.
_ITSELF = frozenset(
    b"password passwd pass pwd guest token secret redacted anonymous anoncvs passwort kennwort"
    b" wachtwoord senha".split()
)
_WORD = re.compile(rb"[A-Za-z]?[a-z]{2,}|(?<![A-Z0-9])[A-Z]{2,}(?![A-Z0-9])")
_SEGMENT = rb"(?:[A-Z]?[a-z]+[0-9]{0,2}|[A-Z]+[0-9]{0,2}|[0-9]{1,4})"
_NAMED = re.compile(_SEGMENT + rb"(?:[-_./:]" + _SEGMENT + rb")+")
# Each capital can be read in one way only: else a value of many capitals takes for ever.
_CAMEL = re.compile(
    rb"_?(?:[A-Z](?=[A-Z][a-z]))?(?:[A-Z][a-z]++|[A-Z]{2,}(?=[A-Z][a-z]|[^A-Za-z]|\Z)|[A-Z]?[0-9]++)+\.?"
)
# Names of standards, whose numbers are part of a word.
_STANDARD = re.compile(
    rb"(?i)(?<![A-Za-z0-9])(?:asn1|x(?:509|448|25519)|ed(?:448|25519)|p(?:11|12|256|384|521)|utf(?:8|16|32)"
    rb"|base(?:32|58|64)|sha[1235]?|md[245]|rsa|aes|oauth[12]?|http[123]?|ipv[46]|k8s|i18n|l10n|s3|ec2)"
    rb"(?-i:(?![a-z0-9]))"
)
_SNAKE = re.compile(rb"_{0,2}(?:[a-z]+|[A-Z]+)[0-9]{0,2}(?:_+(?:[a-z]+|[A-Z]+)[0-9]{0,2}){2,}")
_SMALL_WORD = re.compile(rb"[a-z]+")
_PROSE = frozenset(
    b"the and for are was were your from have has not but its our his her their which than these"
    b" been does into must should would could please here file files".split()
)
_LONG_WORD = re.compile(rb"[a-z]{4,}")
_CONSTANT = re.compile(rb"_{0,2}[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_TITLE = re.compile(rb"[A-Z][a-z]+")
_SEPARATORS = b"-_.:/=+~@"
_JOINTS = b"-_."
_STOPS = b",.;:)"
_CARD_DIGITS = 16
_NOTHING = b"00000000"
_MIN_PASSWORD = 4
_MIN_KEY = 8
_MIN_RANDOM = 10
_MIN_SCRAMBLED = 24
_MIN_DOTTED = 16
_MIN_DIFFERENT = 5
_MIN_DIGITS = 2
_MIN_HEX = 2.6
_MIN_TEXT = 3.0
_MIN_LETTERS_ONLY = 3.6
_LETTER = re.compile(rb"[A-Za-z]")
_DIGIT = re.compile(rb"[0-9]")
_RUN = re.compile(rb"[a-z]+|[A-Z]+|[0-9]+")
_CAPITALS = bytes(range(0x41, 0x5B))
_VISIBLE = range(0x21, 0x7F)
_STEPS = frozenset((left, left + step) for left in _VISIBLE for step in (0, 1))
_NEIGHBOURS = frozenset((left, left + step) for left in _DIGITS for step in (-1, 1))
_KINDS = tuple(map(re.compile, (rb"[a-z]", rb"[A-Z]", rb"[0-9]", rb"[!@#$%^&*?+=~]")))
_MIN_KINDS = 3
_MIN_JOINTS = 3
_SIGN = re.compile(rb"[^\x00-\x1f\x7f-\xffA-Za-z0-9_.:/()\[\]{}+*-]")


def _not_placeholder(value: bytes) -> bool:
    """Nothing that documentation writes where a secret would stand, and no code."""
    return (
        len(set(value)) >= _MIN_DIFFERENT
        and not _WORDS.search(value.lower())
        and not (_CODE.fullmatch(value) and not _is_made_up(value))
        and not _PUBLIC.match(value)
    )


def _password(value: bytes) -> bool:
    """What a person would take for a password: letters with digits or signs, and no code."""
    return (
        len(value) >= _MIN_PASSWORD
        and bool(_LETTER.search(value))
        and bool(_DIGIT.search(value) or _SIGN.search(value.rstrip(_STOPS)) or _is_odd(value))
        and _not_placeholder(value)
    )


def _url_password(value: bytes) -> bool:
    """Anything but an expansion and the word itself: a URL has no other reason for a password."""
    if value.lower().rpartition(b":")[2] in _ITSELF:
        return False
    return not _CODE.match(value) or _LETTER.match(value) is not None


def _card(value: bytes) -> bool:
    """Sixteen digits, the last of which is right, that do not merely count up, down or nothing."""
    digits = value.translate(None, _NO_DIGITS)
    if len(digits) != _CARD_DIGITS or _NOTHING in digits or not luhn(digits):
        return False
    groups = [digits[at : at + 4] for at in range(0, _CARD_DIGITS, 4)]
    if len(set(groups)) > 1 and len({group[:2] for group in groups}) == 1:
        return False  # code points of one block, in a table of them
    counting = sum(map(_NEIGHBOURS.__contains__, pairwise(digits)))
    return counting * 2 < len(digits)


def _key(value: bytes) -> bool:
    """What may be a short key: letters and digits that are no words."""
    return (
        len(value) >= _MIN_KEY
        and bool(_LETTER.search(value))
        and bool(_DIGIT.search(value) or _is_odd(value) or entropy(value) >= _MIN_LETTERS_ONLY)
        and _not_placeholder(value)
        and not _is_ladder(value)
        and not _is_wordy(value)
    )


def _random(value: bytes) -> bool:
    """What a generator makes: letters and digits mixed, in no order, far from words."""
    if len(value) < _MIN_RANDOM or not _key(value):
        return False
    return entropy(value) >= (_MIN_HEX if _HEX.fullmatch(value) else _MIN_TEXT)


def _mixed(value: bytes) -> bool:
    """What is no hash and no name: digits between letters, everywhere."""
    runs = len(_RUN.findall(value))
    return (
        _digit_count(value) >= _MIN_DIGITS and runs * 4 >= len(value) and not _HEX.fullmatch(value)
    )


def _counted(value: bytes) -> bool:
    """Codes with digits among their letters, of which words have none."""
    return _digit_count(value) * 6 >= len(value)


def _phrase(value: bytes) -> bool:
    """Words of a list, which has none of those that sentences are held together by."""
    return _PROSE.isdisjoint(_SMALL_WORD.findall(value))


def _unlike(value: bytes) -> bool:
    """Groups of letters and digits that are no words: most letters follow each other oddly."""
    bare = value.translate(None, b"- ")
    return _digit_count(bare) >= _MIN_DIGITS or is_unreadable(bare)


def _unassigned(value: bytes) -> bool:
    """Whether no name and its value stand in it, which would hide behind another name."""
    return b"=" not in value.rstrip(b"=")


def _strong(value: bytes) -> bool:
    """What has three of: small letters, capitals, digits, signs that names do not have."""
    return sum(bool(kind.search(value)) for kind in _KINDS) >= _MIN_KINDS


def _credentials(value: bytes) -> bool:
    """What stands in a Basic header, also where it does not decode."""
    decoded = _decoded(value)
    return _basic(value) if decoded.isascii() and b":" in decoded else _random(value)


def _header(value: bytes) -> bool:
    """The first line of a private key, and nothing that shows that no key follows."""
    return value.endswith(b"---") and b"-END" not in value.replace(b" ", b"")


def _digit_count(value: bytes) -> int:
    return len(value) - len(value.translate(None, _DIGITS))


def _is_made_up(value: bytes) -> bool:
    """Whether what might be code is none, since nobody would name anything so."""
    return (
        _is_odd(value)
        or _is_scrambled(value)
        or _MADE_UP.fullmatch(value) is not None
        or _DOTTED.fullmatch(value) is not None
    )


def _is_odd(value: bytes) -> bool:
    """Whether its letters are in an order that no name has."""
    return _is_jumbled(value) or (value.translate(None, _JOINTS).isalnum() and is_unreadable(value))


def _is_jumbled(value: bytes) -> bool:
    """Whether it is letters alone, whose case changes as it does in no name."""
    if len(value) < _MIN_RANDOM or not value.isalpha():
        return False
    capitals = len(value) - len(value.translate(None, _CAPITALS))
    return capitals * 4 > len(value) and (len(_RUN.findall(value)) - 1) * 5 >= len(value) * 2


def _is_scrambled(value: bytes) -> bool:
    """Whether letters and digits change places as in no attribute of an object."""
    digits, runs = _digit_count(value), len(_RUN.findall(value))
    if not value.translate(None, b".+/=").isalnum() or digits * 8 < len(value):
        return False
    if len(value) < _MIN_SCRAMBLED:
        return len(value) >= _MIN_DOTTED and runs * 2 >= len(value)
    return runs * 5 >= len(value) * 2


def _is_wordy(value: bytes) -> bool:
    """Whether it is words with few digits, as names in code and in configurations are."""
    value = _STANDARD.sub(_letters_of, value.rstrip(_STOPS))
    if _SNAKE.fullmatch(value) or _is_underlined(value):
        return True
    if _MADE_UP.fullmatch(value) or is_unreadable(value):
        return False
    if _NAMED.fullmatch(value) or _is_titled(value):
        return True
    digits = _digit_count(value)
    if _CONSTANT.fullmatch(value) and digits * 8 <= len(value):
        return True
    bare = value.translate(None, _SEPARATORS)
    words = sum(map(len, _WORD.findall(value)))
    most = 5 if len(bare) < len(value) else 8
    runs = len(_RUN.findall(value))
    return words * 5 >= len(bare) * 4 and digits * most <= len(bare) and runs * 9 < len(bare) * 4


def _letters_of(name: re.Match[bytes]) -> bytes:
    return name[0].translate(None, _DIGITS)


def _is_underlined(value: bytes) -> bool:
    """Whether underscores join words of which most are long and in small letters."""
    if value.count(b"_") < _MIN_JOINTS:
        return False
    return sum(map(len, _LONG_WORD.findall(value))) * 5 >= len(value) * 3


def _is_titled(value: bytes) -> bool:
    """Whether it is a class's name, perhaps with a number: `Ed25519PrivateKey`."""
    if not _CAMEL.fullmatch(value):
        return False
    return sum(map(len, _TITLE.findall(value))) * 5 >= len(value) * 3


def _is_ladder(value: bytes) -> bool:
    """Whether most characters follow their left neighbour, as in `0123456789abcdef`."""
    return sum(map(_STEPS.__contains__, pairwise(value))) * 3 > len(value) * 2


NEEDS: Mapping[str, Callable[[bytes], bool]] = {
    "base58_sum": _base58_sum,
    "basic": _basic,
    "card": _card,
    "counted": _counted,
    "credentials": _credentials,
    "header": _header,
    "key": _key,
    "mixed": _mixed,
    "phrase": _phrase,
    "password": _password,
    "random": _random,
    "strong": _strong,
    "unassigned": _unassigned,
    "unlike": _unlike,
    "url_password": _url_password,
}
