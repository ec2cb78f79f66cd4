"""The error tree: everything Stopper raises on purpose."""

__all__ = [
    "BottleError",
    "GuardError",
    "MeterError",
    "PatchError",
    "SettingsError",
    "ShellError",
    "StopperError",
    "StoreError",
    "UsageError",
]


class StopperError(Exception):
    """Root of the tree; its text says what happened, to what, and what to do next."""


class SettingsError(StopperError):
    """A setting, flag or environment variable does not read; names the line and what is allowed."""


class UsageError(StopperError):
    """A command was asked for something that does not exist or cannot be done now."""


class StoreError(StopperError):
    """The store could not answer; nothing that it had recorded is lost."""


class MeterError(StopperError):
    """Provider bytes, or a request to a provider, do not follow the wire format."""


class BottleError(StopperError):
    """A bottle could not be built, started or resumed."""


class ShellError(StopperError):
    """A command could not be run as it was asked for."""


class PatchError(StopperError):
    """A file could not be read, backed up or replaced; what it held is as it was."""


class GuardError(StopperError):
    """A guarded call was stopped, or was not ended as guarded calls have to be."""
