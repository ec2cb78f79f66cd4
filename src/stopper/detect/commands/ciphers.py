"""Files that are encrypted many at a time and whose plain text goes: nobody keeps them so."""

from typing import TYPE_CHECKING, Final

from stopper.detect.commands.options import read_options
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call
    from stopper.detect.commands.shell import Shell

__all__ = ["CIPHERS", "note_cipher", "note_gone"]

_MAX_FILES: Final = 16
CIPHERS: Final = frozenset({"openssl", "gpg", "gpg2", "age", "rage", "ccrypt", "mcrypt"})
_VALUES: Final = frozenset(
    {"-in", "-out", "-o", "--output", "-k", "-K", "-pass", "-r", "--passphrase", "--recipient"}
)
_OPENS: Final = frozenset({"-d", "--decrypt", "-D"})
_ENCODES: Final = lazy(r"(?:enc|aes\S*|des\S*|camellia\S*|chacha\S*|bf\S*|rc4\S*)")
_MANY: Final = lazy(r"[*?]|/x(?:/|$)")
"""A wildcard, or what `find` finds."""


def note_cipher(shell: "Shell", call: "Call") -> None:
    """Keep which of many files a call encrypts; in place, they are gone."""
    if not _OPENS.isdisjoint(call.args):
        return
    options = read_options(call.args, _VALUES)
    if call.name == "openssl" and not _ENCODES.fullmatch("".join(options.operands[:1])):
        return
    if call.name.startswith("gpg") and not options.has("-c", "-e", "--symmetric", "--encrypt"):
        return
    sources = options.all_values("-in") or options.operands
    targets = options.all_values("-out", "-o", "--output")
    replaces = call.name == "ccrypt" or (call.name == "mcrypt" and options.has("-u", "--unlink"))
    if replaces and options.has("-r", "-R", "--recursive"):
        sources = [f"{source.rstrip('/')}/*" for source in sources]
    for source in sources:
        if _MANY.search(source) is None or len(shell.enciphered) >= _MAX_FILES:
            continue
        full = shell.places.resolve(source, shell.cwd)
        shell.enciphered.add(full)
        if source in targets or replaces:
            note_gone(shell, source, full)


def note_gone(shell: "Shell", path: str, full: str) -> None:
    """Note that the plain text goes of files that this text encrypts."""
    if full in shell.enciphered:
        scope = shell.places.scope(path, shell.cwd)
        scope = Scope.WHOLE_WORKSPACE if scope is Scope.WORKSPACE else scope
        shell.add(EffectKind.OVERWRITE, path, scope, "command.overwrites_many")
