"""A mock provider: a real HTTP server that speaks every wire format and does what it is told.

It has its own idea of a token, its own framing and its own books, and shares no code with the
meter that is checked against it.
"""

from stopper.testing.provider.inline import ScriptError, read_inline
from stopper.testing.provider.process import Remote, main, provider_process
from stopper.testing.provider.script import NAMED, Encoding, Fault, Script, Tool
from stopper.testing.provider.seen import Seen, fingerprint
from stopper.testing.provider.server import Provider
from stopper.testing.provider.tally import Account, Count, Outcome, Tally
from stopper.testing.provider.words import pieces

__all__ = [
    "NAMED",
    "Account",
    "Count",
    "Encoding",
    "Fault",
    "Outcome",
    "Provider",
    "Remote",
    "Script",
    "ScriptError",
    "Seen",
    "Tally",
    "Tool",
    "fingerprint",
    "main",
    "pieces",
    "provider_process",
    "read_inline",
]
