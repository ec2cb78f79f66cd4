"""Keep AI agents inside limits that they cannot talk their way out of."""

__all__ = ["__version__"]

__version__ = "0.1.0"
