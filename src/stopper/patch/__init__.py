"""Safe changes to files: judged first, backed up, made all at once."""

from stopper.patch.apply import apply_patch
from stopper.patch.change import Options
from stopper.patch.explosion import detect_syntax_explosion
from stopper.patch.result import Backup, PatchResult, WriteResult
from stopper.patch.unsafe import UnsafePattern, detect_unsafe_patterns
from stopper.patch.validate import Checked, check_syntax
from stopper.patch.write import (
    list_backups,
    prune_backups,
    restore_from_backup,
    safe_edit_lines,
    safe_write_file,
)

__all__ = [
    "Backup",
    "Checked",
    "Options",
    "PatchResult",
    "UnsafePattern",
    "WriteResult",
    "apply_patch",
    "check_syntax",
    "detect_syntax_explosion",
    "detect_unsafe_patterns",
    "list_backups",
    "prune_backups",
    "restore_from_backup",
    "safe_edit_lines",
    "safe_write_file",
]
