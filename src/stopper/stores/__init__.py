"""Persistence behind Protocols; `open_ledger` chooses the back end."""
