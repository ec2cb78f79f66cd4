"""PURE: provider bytes to usage, one file a wire format."""
