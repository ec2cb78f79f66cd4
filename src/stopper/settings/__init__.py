"""Settings: one typed table, read from a file, the environment and flags."""

from stopper.settings.kinds import Names, Upstream, parse_budget
from stopper.settings.table import (
    SETTINGS_FILE,
    TABLE,
    CountTokens,
    Explained,
    Setting,
    Settings,
    Shutdown,
    Unknown,
    explain,
    load_settings,
    provider_names,
)

__all__ = [
    "SETTINGS_FILE",
    "TABLE",
    "CountTokens",
    "Explained",
    "Names",
    "Setting",
    "Settings",
    "Shutdown",
    "Unknown",
    "Upstream",
    "explain",
    "load_settings",
    "parse_budget",
    "provider_names",
]
