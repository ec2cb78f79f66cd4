"""Use cases that every face shares."""
