"""The bottle: a sandbox whose only way out is one listener, and what is put into it."""
