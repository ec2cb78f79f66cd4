"""What generic rules ask of a value, which has no shape of its own: that it is no name and no word.

Nothing here raises or drops what a prefix makes sure.
"""

import re
from collections.abc import Callable, Mapping
from itertools import pairwise

from stopper.detect.checks import CHECKS, DIGITS, ITSELF, NO_DIGITS, decoded, entropy, luhn
from stopper.detect.legible import PRINTABLE
from stopper.detect.letters import PARTS, is_unreadable
from stopper.detect.placeholder import is_placeholder

__all__ = ["NEEDS"]

_HEX = re.compile(rb"[0-9a-f]+|[0-9A-F]+")
_UUID = re.compile(rb"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
# What stands where a secret would and is public: hashes, certificates, keys, addresses of Ethereum,
# what was sealed for a cluster or encrypted by PGP, signatures of minisign, .NET's assembly keys.
_PUBLIC = re.compile(
    rb"(?i)(?:md5|sha(?:1|224|256|384|512))[-:=]|sk-(?:ssh|ecdsa)-|0x[0-9a-f]{40}\Z|[a-z_]+=0x[0-9a-f]{4,16}\Z"
    rb"|-(?:webkit|moz|ms|o)-|[0-9]:[0-9]{1,4}\.[0-9]|[A-Za-z]+_[A-Za-z]+__[A-Za-z0-9_-]{5}\Z"
    rb"|[a-z]{2,20}_01[0-9a-hjkmnp-tv-z]{24}\Z|[a-z-]{3,24}\{[a-z-]{3,24}:|[a-z0-9]{1,3}(?:\.[a-z0-9]{1,3}){1,3}:\Z"
    rb"|(?-i:z(?:6Mk|6LS|Q3s|Dn)[1-9A-HJ-NP-Za-km-z]{40})|attack\.t[0-9]{4}|wpa[23]?-(?:psk|eap)\Z|!secret\b|(?:css|xpath)[:=]"
    rb"|_[a-z]+_[a-z0-9]{5,6}_[0-9]{1,4}\Z|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}_[0-9a-f]{8}-|@@[a-z]+/"
    rb"|(?:changed|expired|updated|reset|required|accepted|failed|success)\||(?:sm|berglas|gsm|awssm|azkv|bws)://"
    rb"|[A-Za-z0-9]{3}-[A-Za-z0-9]{2}-[A-Za-z0-9]{3}\.[A-Za-z]+\Z"
    rb"|(?:arn:aws[a-z-]{0,10}|urn:[a-z0-9-]{2,31}):"
    rb"|credentialsJSON:[0-9a-f]{8}-|\{cipher\}|ENC\([a-z0-9+/]{16}"
    rb"|[a-z0-9_.-]{1,64}/[a-z0-9_./-]{1,200}\.[a-z][a-z0-9]{1,7}(?:[-:][0-9]{1,6}[-:]?)?\Z"
    rb"|(?:vault|ssm|secretsmanager|keyring|keychain|op|sops|doppler|infisical|bao):/{0,2}[a-z0-9_.-]{1,64}/"
    rb"|(?:process|import\.meta)\.env\.[a-z_]\w*!?[,;)]*\Z|projects/[a-z0-9-]{1,64}/secrets/|[0-9]{6,14}-[a-z0-9]{32}\.apps\.googleusercontent\.com"
    rb"|ref\+[a-z0-9]{2,16}://|@Microsoft\.KeyVault\(|dword:[0-9a-f]{8}\Z|d-[0-9a-f]{32}\Z"
    rb"|(?-i:(?:wc[BF]MA|hQ[EI]MA|hF4D)[A-Za-z0-9+/]{40}|RU[Q-T][A-Za-z0-9+/]{53}|RW[QST][A-Za-z0-9+/]{53})"
    rb"|(?-i:Ag(?:[A-P][A-Za-z0-9+/]{57}|[A-Za-z0-9+/]{300}))"
    rb"|-{5}BEGIN[ +%0-9a-z]{1,24}(?:PUBLIC|CERTIFICATE)|(?-i:JVBERi0|iVBORw0KGgo|/9j/4|R0lGOD)"
    rb"|(?-i:MII[BC]IjANBgkqh|MFkwEwYHKoZI|MCowBQYDK2V[uw])"
    rb"|(?-i:AAAB[A-Q][A-Za-z0-9+/]{15})"
    rb"|(?-i:MII[A-J][A-Za-z0-9+/]{2}CC[A-Z][A-Za-z0-9+/]{2}gAwIBAgI)"
    rb"|(?-i:LS0tLS1CRUdJTi(?:BDRVJU|BQVUJM)|c3NoLXJzYSBB|c3NoLWVkMjU1MTkg|ZWNkc2Etc2hhMi)"
    rb"|(?:31bf3856ad364e35|b03f5f7f11d50a3a|b77a5c561934e089|cc7b13ffcd2ddd51|30ad4fe6b2a6aeed"
    rb"|89845dcd8080cc91|adb9793829ddae60|7cec85d7bea7798e)\Z"
)
# Code and templates where a value is expected: names, calls, subscripts, expansions, paths, and
# the number of a version.
_CODE = re.compile(
    rb"[A-Za-z_$@][A-Za-z_]*"
    rb"|@?[A-Za-z_$.][\w.$]*\(.*"
    rb"|[A-Za-z_][\w.]*![rs](?::.*)?"
    rb"|[+-]?[A-Z][A-Z0-9]*_[A-Z0-9_]*=.*|[a-z]{2,12}=[^,=]{0,48},[a-z]{2,12}=.*"
    rb"|:{0,2}[A-Za-z_]\w*(?:(?:\.|->|::|\?\.)[A-Za-z_]\w*)+(?:(?:[!?]?[(\[]|\|\||&&|[=!]=).*)?"
    rb"|:{1,2}[A-Za-z_]\w*(?:[!?]?\(.*)?"
    rb"|[A-Za-z_]\w*\[.*|(?:default|null)!|[A-Za-z_$][\w.$]*\?[\w.$\"']+:.*"
    rb"|[a-z][a-z_]*=(?:[A-Za-z_]*|\w{0,8}|[0-9.]+)|[A-Za-z]+=[0-9.]{1,2}|[a-z][A-Za-z]*=[0-9.]{1,6}|[a-z][A-Za-z_]*=[$%]\{.*|[a-z]+(?:[A-Z][a-z]+)+=|r?![A-Za-z:_-]+|\^[(\[].*|\).*"
    rb"|u[0-9a-f]{4}"
    rb"|(@@?|%%?|##?|__)[A-Za-z][A-Za-z_.-]*\1|0x[0-9A-Fa-f]{1,8}|[a-z.-]{3,}@[a-z.-]{3,}"
    rb"|(?:[Uu]?[Ii]nt|[Ff]loat|[Cc]omplex|[Uu][Tt][Ff]-?)(?:8|16|32|64|128)[A-Za-z]*"
    rb"|(?:urlsafe_)?b(?:32|64|85)(?:en|de)code|base(?:16|32|58|64|85)(?:(?:en|de)code|[-_]?url)?|(?:md5|ck|b2|sha(?:1|224|256|384|512))sum|(?:[Aa]rgon2(?:id|i|d)|(?:pbkdf2|PBKDF2)[A-Za-z0-9_-]*|md5|ed25519|x25519|[a-z]{1,6}-?(?:1|128|256|384|512))"
    rb"|\[?(?:Boolean|Float|ID|Int|String)!\]?!?[)},:]*|(?:[Ss]tring|[Ii]nt|Long|[Bb]ool(?:ean)?|CharArray|CharSequence|Data|URL)\?"
    rb"|#(?:[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})|[@#][a-z]+(?:[-_][a-z]+)*[-_](?:password|passwd|pass|pwd|secret|token|key)"
    rb"|=[A-Za-z_][A-Za-z_.]*|\$\[[A-Za-z].*|[A-Z]\w*(?:\.\w+)+ \w+"
    rb"|(?:Add|Convert(?:From|To)|Get|Import|Invoke|New|Out|Read|Select|Set|Start|Test)-[A-Z][A-Za-z]+"
    rb"|[0-9]{1,5}[._]?(?:second|minute|hour|day|week|month|year)s?(?:\.\w+)?"
    rb"|v?[0-9]{1,4}(?:\.[0-9]{1,5}){1,3}(?:[-+.]?(?:alpha|beta|rc|dev|pre|post|snapshot|[ab])[-.]?[0-9]{0,5})?"
    rb"|(?:[$%#]?\{|<|\$\(|\${1,2}[A-Za-z_]\w*(?:[^\w!@#%^&*+~=]|\Z)|%(?:[A-Za-z](?![A-Za-z0-9])|[a-z]{0,8}\()|[\[(]).*"
    rb"|\?[A-Za-z_]+|\*+[^0-9]*|\*\*[A-Za-z_]\w*"
    rb"|(?:[A-Za-z]:[\\/]|\.{0,2}/|~/|https?:|[bruf]{1,2}$).*"
)
# What most of it is: letters alone.
_NAME = re.compile(rb"[A-Za-z_]+(?:\.[A-Za-z_]+)*")
_WORDS = re.compile(
    rb"example|placeholder|change[-_]?(?:me|it|this)|your|insert[-_]|replace[-_]?(?:me|with)"
    rb"|(?:sha|hmac|aes|rsa|ecdsa)[-_]?(?:1|128|256|384|512)(?![0-9a-z])"
    rb"|20[0-9]{2}-[01][0-9]-[0-3][0-9]|redacted|dummy|sample|undefined|xxxx|\*{3}|\.\.\.|todo|fixme|lorem|deprecated"
    rb"|%20|%28|\\f[birp]|\\-|:x:[0-9]{1,6}:|\brequired\||\|(?:required|confirmed|nullable)\b"
    rb"|\[\^|\(\?[:=!<p]|a-za-z|0-9a-[fz]|#[a-z]{3,}#"
    rb"|not[-_]?set|my[-_]?(?:secret|token|key|pass)|\A(?:none|null|true|false|optional|required)\Z"
)
# A name and a number that is no size and no year: what people make up, and hardly ever a name.
_MADE_UP = re.compile(
    rb"[$*!?]?(?:(?:[A-Za-z]+[-_.!*+])?(?:[A-Z][a-z]{2,}){0,2}[A-Z][a-z]{3,}[-_.!*+]?|[A-Z][a-z]{2,}[0-9][a-z]+_"
    rb"|(?:[a-z]{3,}[-_.!*+]){2,4}(?![1-9]?[05]0\Z|[1-9]00\Z))"
    rb"(?!(?:19[7-9]|20[0-4])[0-9](?![0-9])|(?:128|192|224|256|384|512|1024|1305|2048|3072|4096|25519)\b)"
    rb"[0-9]{3,8}(?:[-_.!*+][A-Za-z]+)?[-_.!*+#$%&]?"
)
# Words and a number, which might be an attribute, but is hardly ever called so.
_DOTTED = re.compile(
    rb"[A-Za-z][a-z]{2,}(?:[._-][A-Za-z][a-z]{2,}){1,3}(?!(?:19[7-9]|20[0-4])[0-9]"
    rb"|(?:10|11|12|16|24|32|64|96|128|192|224|256|384|512|1024|2048|4096)\Z)[0-9]{2,8}[_!?#$%&*+]?"
)
# Two names with a number behind, as no class is called.
_TITLED = re.compile(rb"[A-Z][a-z]{2,}[.+&*_-][A-Z][a-z]{2,}[0-9]{1,4}[!?#$%&*]?")
# Words of any length between hyphens, of which two are long.
_HYPHENED = re.compile(rb"(?:[A-Za-z][a-z]{0,11}-){2,5}[A-Za-z][a-z]{1,11}[0-9]{0,4}[!?#$%&*]?")
# Words with a capital or an accent among them, joined by signs: a string says no name of code so.
_IN_QUOTES = re.compile(
    rb"[A-Za-z\x80-\xff][a-z\x80-\xff]{2,}(?:[._&+*/-][A-Za-z\x80-\xff][a-z\x80-\xff]{1,}){1,5}[0-9]{0,4}[!?#$%&*]?"
)
_ODD_LETTER = re.compile(rb"[A-Z\x80-\xff]")
# Three words and a number, joined by signs: what people make up where it has to be long.
_PASSPHRASE = re.compile(
    rb"(?:[A-Za-z][a-z]{2,9}[-_.]){3,6}(?!(?:19[7-9]|20[0-4])[0-9]\Z|[1-9]?[05]0\Z)[0-9]{2,4}[!?#$%&*]?"
)
# What stands for a secret that was taken out, and what only looks like it.
_MARK = re.compile(rb"\[REDACTED:[A-Z0-9_.-]{1,64}(?:#[0-9a-f]{8})?\]")
_GIVEN_AGAIN = re.compile(
    rb"(?i)\A(?:passw(?:or)?d|secret|token|api[_-]?key|auth[_-]?token)[=:](?=[a-z_]*[0-9!@#$%&*])"
)
_DISGUISE = re.compile(rb"(?i)\[redacted:|\]\Z")
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
_MIN_BASE64 = 32
_MIN_DOTTED = 16
_MIN_SHORT = 12
_MIN_DIFFERENT = 5
_MIN_DIGITS = 2
_MIN_NUMBER = 8
_MIN_JOINED = 4
_MIN_WORDS = 3
_MIN_LONG = 5
_MIN_IN_CODE = 5
_JOINS_NAMES = (b".", b"_")
_MOMENT = re.compile(
    rb"(?:19|20)[0-9]{2}[01][0-9][0-3][0-9]|1[0-9]{9}(?:[0-9]{3}){0,3}\Z|1[23][0-9]{16}\Z"
)
_MIN_HEX = 2.6
_MIN_TEXT = 3.0
_MIN_LETTERS_ONLY = 3.6
# What the rules for a value without blanks would take of one with them.
_PASSWORD_BEGUN = re.compile(rb"[^\x00-\x20\x7f\"'`,;&<>\\]{4,256}")
_KEY_BEGUN = re.compile(rb"[A-Za-z0-9_.+/~=@$!?%^*#|-]{8,512}")
_NUMBERED = re.compile(rb"[a-z]{3,10}(?: [a-z]{3,10}){2,11} ?[0-9]{1,4}[!?#$%&*]?")
_MAX_PHRASE = 8
# What labels, hints and messages about passwords are made of, besides what sentences are.
_HINTS = _PROSE | frozenset(
    b"a an are as at be by can do e.g. i if in is it like no of on or so such that to use we with"
    b" character characters digit digits enter error field invalid least length letter letters line"
    b" max maximum min minimum more most new number numbers old one only page password passwords"
    b" required retries row secret section sign signs step symbol symbols than too try type upper"
    b" value version you code codes days entry hours item minutes part see seconds test"
    b" vault".split()
)
_SHORT = re.compile(rb"[a-z]{0,4}|x+|X+")
# Words drawn by chance, and what values of settings, styles and messages are made of besides.
_TO_FILL_IN = re.compile(rb"<[A-Za-z][ -;=?-~]{2,64}>")
_QUOTED_LETTER = re.compile(rb"[CD][0-9A-F]=[89AB][0-9A-F]")  # quoted-printable
_DRAWN = re.compile(
    rb"(?:[A-Za-z][a-z]{3,9}[0-9]{0,4}([-_. ]))(?:[A-Za-z][a-z]{3,9}[0-9]{0,4}\1){1,7}"
    rb"(?:[A-Za-z][a-z]{3,9}[0-9]{0,4}|[0-9]{1,4})[!?#$%&*]?"
)
_SYLLABLES = rb"[b-df-hj-np-tv-xz0-9][aeiouy][b-df-hj-np-tv-xz]{2}[aeiouy][b-df-hj-np-tv-xz0-9]"
# What people make up where they have to remember it: words and a number, joined by signs.
_COINED = re.compile(
    rb"[#@!$*]?[A-Za-z]{3,}(?:[-_.@#!$%&*+][A-Za-z]{3,}){0,5}[-_.@#!$%&*+]?[0-9]{1,8}"
    rb"(?:[-_.@#!$%&*+?][A-Za-z0-9]{1,12}){0,2}[!?@#$%&*+]{0,2}"
)
# What changes as no name does: a digit, a letter and a digit, and the case with them.
_CHANGING = re.compile(
    rb"[a-z][0-9][A-Z][0-9]|[A-Z][0-9][a-z][0-9]|[A-Za-z][0-9][a-z]{3,}[0-9]{3}|[a-z][A-Z][0-9][A-Z]"
)
# How begins what was sealed for a cluster, of which a word in prose is only the first part.
_SEALED = re.compile(rb"Ag[A-P][A-Za-z0-9+/]{9}")
# What names of caches have before a hash.
_LEAD = re.compile(rb"\A(?:(?:[A-Za-z]{2,}[0-9.]{0,5}|[0-9.]{1,6})[-_])+")
# How networks are called that have two bands.
_BAND = re.compile(rb"(?:2|2\.4|5|6)G(?:Hz)?\Z")
# Who is asked for a password, and where.
_LOGIN = re.compile(
    rb"[a-z][a-z0-9_.-]*@(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[a-z0-9-]+(?:\.[a-z0-9-]+)+)(?:'s)?"
)
_KEYCHAIN = re.compile(rb"%b-%b-%b" % ((_SYLLABLES,) * 3))
_SETTINGS = _HINTS | frozenset(
    b"access account admin alert auth backend based basic block border button cache change"
    b" check class click client cluster column component config confirm content control create"
    b" custom data database default delete detail details development disabled dummy editor"
    b" email enabled encrypted environment event example external fake file files filter final"
    b" first flow footer forgot form frontend full general generate global group handler header"
    b" hidden hint home host icon image info init input internal item items label large last"
    b" layout left link list loader local locale login logout machine main manage manager"
    b" master menu message method missing mock modal mode model module name network none null"
    b" object optional option order output panel parent path payload placeholder plain platform"
    b" policy primary private process prod product production profile project prompt protected"
    b" provider public query random read recovery release remote report request reset resource"
    b" response restart rest result return right role root route rule sample save screen script"
    b" search security select send server service session setting settings setup shared show"
    b" sign single size small source stage staging start state status step store storage string"
    b" style submit support switch system tab table target team template test text theme time"
    b" title toggle token tool transit trigger unique unit update url user username users valid"
    b" validation variable view warning widget window with wizard word words work worker write"
    b" wrong yaml".split()
)
# And what has a number in its name.
_TECHNICAL = _SETTINGS | frozenset(
    b"administrator aes alpine android angular api app appendix apple arg argon article ascii"
    b" attempt authentication base bcrypt bearer blake build bytes call cell centos chapter chrome"
    b" class claude clause cpu day debian debug dev developer device django docker drive driver"
    b" encoded"
    b" eth exchange experiment factor family fedora figure firefox floor format gemini generation"
    b" gpt gpu grade hour http https instance iphone ipv iteration java keychain kube lab layer"
    b" length level linux llama log long longer lowercase macos macs mark mbit mode month mysql"
    b" node numpy oauth office openssl oracle para param part pbkdf perl phase pin player point"
    b" policy port postgres postgresql priority protection python question react record redis"
    b" release revision room round rsa ruby safari schema scrypt season series sha site slot spec"
    b" sprint sql ssl stack standard string swift task threads through tier times title tls topic"
    b" type typescript ubuntu unit uppercase utf vault version vlan volume vue web week win windows"
    b" workers year zip".split()
)
_FOR_PASSWORD = re.compile(rb"pass|wacht|kenn|contras|clave|senha|losen|hasl|parol|salas|kod")
_LETTER = re.compile(rb"[A-Za-z]")
_DIGIT = re.compile(rb"[0-9]")
_BODY = re.compile(rb"[A-Za-z0-9+/]{40}")
_RUN = re.compile(rb"[a-z]+|[A-Z]+|[0-9]+")
_CAPITALS = bytes(range(0x41, 0x5B))
_VISIBLE = range(0x21, 0x7F)
_STEPS = frozenset((left, left + step) for left in _VISIBLE for step in (0, 1))
_NEIGHBOURS = frozenset((left, left + step) for left in DIGITS for step in (-1, 1))
_KINDS = tuple(map(re.compile, (rb"[a-z]", rb"[A-Z]", rb"[0-9]", rb"[!@#$%^&*?+=~]")))
_MIN_KINDS = 3
_MIN_EXAMPLE = 8
_MAX_TYPED = 32
_EXPANSION = re.compile(rb"\$\{?[A-Za-z_]\w*\}?|\$\(.*\)|\{\{.*\}\}")
_MIN_JOINTS = 3
_SIGN = re.compile(rb"[^\x00-\x1f\x7f-\xffA-Za-z0-9_.:/|()\[\]{}+*-]")


def _not_placeholder(value: bytes) -> bool:
    """Nothing that documentation writes where a secret would stand, and no code."""
    return (
        len(set(value)) >= _MIN_DIFFERENT
        and not _WORDS.search(value.lower())
        and not (_CODE.fullmatch(value) and not _is_made_up(value))
        and not _PUBLIC.match(value)
        and not _QUOTED_LETTER.search(value)
        and not _is_example_inside(value)
    )


def _is_example_inside(value: bytes) -> bool:
    """Whether it is base64 of what documentation writes where a secret would stand."""
    plain = decoded(value)
    is_text = len(plain) >= _MIN_EXAMPLE and plain.isascii() and plain.decode().isprintable()
    return is_text and (
        _WORDS.search(plain.lower()) is not None
        or is_placeholder(plain)
        or _EXPANSION.fullmatch(plain) is not None
        or _TO_FILL_IN.fullmatch(plain) is not None
    )


def _bare(value: bytes) -> bytes:
    """What a value says besides its own name and marks; one that was made up says what is in it."""
    value = _GIVEN_AGAIN.sub(b"", value)
    if b"[" not in value:
        return value
    rest = _MARK.sub(b"", value)
    return _DISGUISE.sub(b"", rest) if b"[REDACTED:" in rest.upper() else rest


def _password(value: bytes) -> bool:
    """What a person would take for a password: letters with digits or signs, and no code."""
    value = _bare(value)
    return (
        len(value) >= _MIN_PASSWORD
        and bool(_LETTER.search(value) or _is_long_number(value))
        and bool(
            _DIGIT.search(value)
            or _SIGN.search(value.rstrip(_STOPS))
            or _is_odd(value)
            or _is_drawn(value)
        )
        and _not_placeholder(value)
    )


def _password_phrase(value: bytes) -> bool:
    """A password that goes on, with blanks or quotes in it: the first word is one, or a later one.

    Where none is, it takes words that are no sentence and a number at their end.
    """
    begun = _PASSWORD_BEGUN.match(value)
    if begun and _password(begun[0]):
        return begun.end() < len(value)
    words = value.split()
    if not 1 < len(words) <= _MAX_PHRASE or _CODE.fullmatch(value):
        return False
    if _is_drawn(value):
        return True
    if not _HINTS.isdisjoint(value.lower().split()):
        return False
    is_strong = any(
        _strong(word) and _password(word) for word in words if _PASSWORD_BEGUN.fullmatch(word)
    )
    return (is_strong or _NUMBERED.fullmatch(value) is not None) and _not_placeholder(value)


def _key_phrase(value: bytes) -> bool:
    """A key and what follows it in its quotes."""
    begun = _KEY_BEGUN.match(value)
    if b" " in value and _is_drawn(value):
        return True
    return begun is not None and begun.end() < len(value) and _key(begun[0])


def _url_password(value: bytes) -> bool:
    """Anything but an expansion and the word itself: a URL has no other reason for a password."""
    value = _bare(value)
    if value.lower().rpartition(b":")[2] in ITSELF or _SHORT.fullmatch(value):
        return False
    return not _CODE.match(value) or _LETTER.match(value) is not None


def _card(value: bytes) -> bool:
    """Sixteen digits, the last of which is right, that do not merely count up, down or nothing.

    A letter behind them shows that they stand in a hash, and small letters in them a dump of text.
    """
    digits = value.translate(None, NO_DIGITS) if not value[-1:].isalpha() else b""
    if len(digits) != _CARD_DIGITS or _NOTHING in digits or not luhn(digits):
        return False
    if bytes.fromhex(digits.decode()).replace(b" ", b"").islower():
        return False
    pairs = [int(digits[at : at + 2]) for at in range(0, _CARD_DIGITS, 2)]
    if len({after - before for before, after in pairwise(pairs)}) == 1 and pairs[0] != pairs[1]:
        return False
    groups = [digits[at : at + 4] for at in range(0, _CARD_DIGITS, 4)]
    if len(set(groups)) > 1 and len({group[:2] for group in groups}) == 1:
        return False  # code points of one block, in a table of them
    counting = sum(map(_NEIGHBOURS.__contains__, pairwise(digits)))
    return counting * 2 < len(digits)


def _key(value: bytes) -> bool:
    """What may be a short key: letters and digits that are no words."""
    value = _bare(value)
    return (
        len(value) >= _MIN_KEY
        and not _is_name(value)
        and bool(_LETTER.search(value))
        and _not_placeholder(value)
        and not _is_ladder(value)
        and ((_is_no_word(value) and not _is_wordy(value)) or _is_drawn(value, in_code=True))
    )


def _random(value: bytes) -> bool:
    """What a generator makes: letters and digits mixed, in no order, far from words."""
    if len(value) < _MIN_RANDOM or _is_name(value) or not _is_no_word(value) or not _key(value):
        return False
    if _HEX.fullmatch(value):
        return entropy(value) >= _MIN_HEX and not _is_hex_of_words(value)
    return entropy(value) >= _MIN_TEXT


def _is_hex_of_words(value: bytes) -> bool:
    """Whether its digits are of a text with a blank in it."""
    if len(value) % 2 or b"20" not in value:
        return False
    plain = bytes.fromhex(value.decode())
    return b" " in plain and not plain.translate(None, PRINTABLE)


def _is_no_word(value: bytes) -> bool:
    """Whether it has a digit, or letters in an order or a variety that words do not have."""
    odd = _DIGIT.search(value) or _is_odd(value)
    return bool(odd) or entropy(value) >= _MIN_LETTERS_ONLY


def _anonymous(value: bytes) -> bool:
    """What a generator makes, and no identifier in the form that they all have."""
    return _random(value) and not _UUID.fullmatch(value.rstrip(_STOPS))


def _mixed(value: bytes) -> bool:
    """What is no hash and no name: digits between letters, everywhere."""
    return (
        _digit_count(value) >= _MIN_DIGITS
        and len(_RUN.findall(value)) * 4 >= len(value)
        and not _HEX.fullmatch(_LEAD.sub(b"", value).translate(None, b"-"))
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
    """What has three of: small letters, capitals, digits, signs that names do not have.

    What fills up base32 and base64 is no such sign. Three words and a number do as well.
    """
    value = value.rstrip(b"=")
    many = sum(bool(kind.search(value)) for kind in _KINDS) >= _MIN_KINDS
    return many or _is_passphrase(value)


def _complex(value: bytes) -> bool:
    """What no prose has: all four kinds of characters, or three of them in no word."""
    kinds = sum(bool(kind.search(value)) for kind in _KINDS)
    if kinds == len(_KINDS):
        return _password(value)
    return (kinds == _MIN_KINDS and _key(value)) or _is_passphrase(value)


def _told(value: bytes) -> bool:
    """What somebody calls a password in a sentence: no word, or a word with more to it."""
    return (_key(value) and not _UUID.fullmatch(value.rstrip(_STOPS))) or _coined(value)


def _coined(value: bytes) -> bool:
    """What stands right behind a word for it, or a login's name: also a plain word and a number."""
    value = value.rstrip(_STOPS)
    if _BAND.search(value) or _SEALED.match(value) or _LOGIN.fullmatch(value) or _is_given(value):
        return False
    if _COINED.fullmatch(value) and not _WORDS.search(value.lower()):
        return _TECHNICAL.isdisjoint(word.lower() for word in PARTS.findall(value))
    return _complex(value) or (_is_drawn(value) and _not_placeholder(value))


def _is_given(value: bytes) -> bool:
    """Whether it is a name and its value."""
    name, sign, given = value.rpartition(b"&")[2].partition(b"=")
    if name.istitle() and given.isdigit():
        return False  # a word and a number
    return bool(sign and name) and (name.isdigit() or _is_wordy(name))


def _keychain(value: bytes) -> bool:
    """Small letters but for one capital, and one digit at the edge of a group."""
    if _digit_count(value) != 1 or len(value.translate(None, _CAPITALS)) != len(value) - 1:
        return False
    return _KEYCHAIN.fullmatch(value.lower()) is not None


def _typed(value: bytes) -> bool:
    """What is short enough for somebody to type it."""
    return len(value) <= _MAX_TYPED


def _opaque(value: bytes) -> bool:
    """Whether it is no base64 of a text."""
    plain = decoded(value)
    return len(plain.translate(None, PRINTABLE)) * 8 >= len(plain)


def _credentials(value: bytes) -> bool:
    """What stands in a Basic header, also where it does not decode."""
    plain = decoded(value)
    return CHECKS["basic"](value) if plain.isascii() and b":" in plain else _random(value)


def _header(value: bytes) -> bool:
    """The first line of a private key, and nothing that shows that no key follows.

    Where its last line stands near by, what is between them has to look like one.
    """
    if b"-END" in value.replace(b" ", b""):
        return _BODY.search(value) is not None
    return value.endswith(b"---")


def _digit_count(value: bytes) -> int:
    return len(value) - len(value.translate(None, DIGITS))


def _is_made_up(value: bytes) -> bool:
    """Whether what might be code is none, since nobody would name anything so."""
    return (
        _is_odd(value)
        or _is_drawn(value)
        or _is_passphrase(value)
        or _is_scrambled(value)
        or _MADE_UP.fullmatch(value) is not None
        or _DOTTED.fullmatch(value) is not None
        or _CHANGING.search(value) is not None
        or _is_long_and_odd(value)
    )


def _is_long_number(value: bytes) -> bool:
    """Whether it is so many digits in no order, and neither a date nor a time."""
    if not value.isdigit() or len(value) < _MIN_NUMBER or _MOMENT.match(value):
        return False
    return entropy(value) >= _MIN_DIGITS and not _is_ladder(value)


def _is_drawn(value: bytes, *, in_code: bool = False) -> bool:
    """Whether it is three words and more of a list, which name nothing that settings are about.

    Where hyphens join them one may. It takes four where blanks or dots join them, and with
    underscores a digit or a capital besides; and five with dots or underscores where the value may
    be `in_code`.
    """
    found = _DRAWN.fullmatch(value)
    if found is None:
        return not in_code and _is_hyphened(value)
    if _FOR_PASSWORD.search(value.lower()):
        return False
    joint = found[1]
    if joint == b"." and not (value.islower() or value.istitle()):
        return False  # a name in code
    if joint == b" " and value.count(joint) + 1 < _MIN_JOINED:
        return False
    if joint in _JOINS_NAMES:
        is_plain = value.islower() and not _DIGIT.search(value)
        least = _MIN_IN_CODE if in_code else _MIN_JOINED
        if value.count(joint) + 1 < least or (joint == b"_" and is_plain and in_code):
            return False
    words = _SMALL_WORD.findall(value.lower())
    most = 1 if joint == b"-" and len(words) >= _MIN_WORDS and not in_code else 0
    return len(_SETTINGS.intersection(words)) <= most


def _is_hyphened(value: bytes) -> bool:
    """Whether it is words between hyphens, short ones too, and none that any text has."""
    lower = value.lower()
    if _HYPHENED.fullmatch(value) is None or _FOR_PASSWORD.search(lower):
        return False
    words = _SMALL_WORD.findall(lower)
    long = sum(len(word) >= _MIN_LONG for word in words)
    return long > 1 and _TECHNICAL.isdisjoint(words)


def _is_passphrase(value: bytes) -> bool:
    """Whether it is three words or more and a number, none of which code is about, or two names."""
    value = value.rstrip(_STOPS)
    if _PASSPHRASE.fullmatch(value) is None and _TITLED.fullmatch(value) is None:
        return False
    return _TECHNICAL.isdisjoint(_SMALL_WORD.findall(value.lower()))


def _in_quotes(value: bytes) -> bool:
    """Words that somebody made up, where a string stands right behind the name of a password."""
    if _IN_QUOTES.fullmatch(value) is None or _ODD_LETTER.search(value) is None:
        return False
    lower = value.lower()
    return not _FOR_PASSWORD.search(lower) and _TECHNICAL.isdisjoint(_SMALL_WORD.findall(lower))


def _is_name(value: bytes) -> bool:
    """Whether it is letters alone that name something in code: most of what is asked about is."""
    return _NAME.fullmatch(value) is not None and not (_is_odd(value) or _is_drawn(value))


def _is_odd(value: bytes) -> bool:
    """Whether its letters are in an order that no name has."""
    return _is_jumbled(value) or (value.translate(None, _JOINTS).isalnum() and is_unreadable(value))


def _is_long_and_odd(value: bytes) -> bool:
    """Whether it is base64 of which nobody would make a path."""
    bare = value.translate(None, b"+/=")
    return len(value) >= _MIN_BASE64 and bare.isalnum() and is_unreadable(bare)


def _is_jumbled(value: bytes) -> bool:
    """Whether it is letters alone, whose case changes as it does in no name."""
    if len(value) < _MIN_RANDOM or not value.isalpha():
        return False
    capitals = len(value) - len(value.translate(None, _CAPITALS))
    return capitals * 4 > len(value) and (len(_RUN.findall(value)) - 1) * 5 >= len(value) * 2


def _is_scrambled(value: bytes) -> bool:
    """Whether letters and digits change places as in no attribute of an object."""
    digits, runs = _digit_count(value), len(_RUN.findall(value))
    if not value.translate(None, b"._+/=").isalnum() or digits * 8 < len(value):
        return False
    if len(value) < _MIN_DOTTED:
        return len(value) >= _MIN_SHORT and runs * 5 >= len(value) * 3
    if len(value) < _MIN_SCRAMBLED:
        return runs * 2 >= len(value)
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
    return name[0].translate(None, DIGITS)


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
    "anonymous": _anonymous,
    "base58_sum": CHECKS["base58_sum"],
    "basic": CHECKS["basic"],
    "card": _card,
    "coined": _coined,
    "counted": _counted,
    "complex": _complex,
    "credentials": _credentials,
    "header": _header,
    "in_quotes": _in_quotes,
    "key": _key,
    "key_phrase": _key_phrase,
    "keychain": _keychain,
    "mixed": _mixed,
    "opaque": _opaque,
    "phrase": _phrase,
    "password": _password,
    "password_phrase": _password_phrase,
    "random": _random,
    "strong": _strong,
    "told": _told,
    "typed": _typed,
    "unassigned": _unassigned,
    "unlike": _unlike,
    "url_password": _url_password,
}
