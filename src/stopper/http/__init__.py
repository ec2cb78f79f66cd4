"""Requests to providers that are tried again as providers ask, metered and held to budgets."""

from stopper.http.client import RetryingAsyncClient
from stopper.http.limiter import Health, Limiter, limiter_for
from stopper.http.metered import MeteredTransport, Recorder
from stopper.http.policy import (
    INITIAL_BACKOFF,
    MAX_RETRIES,
    RETRY_CODES,
    RetryPolicy,
    policy_for,
)
from stopper.http.retry import RetryTransport
from stopper.http.timing import Timing

__all__ = [
    "INITIAL_BACKOFF",
    "MAX_RETRIES",
    "RETRY_CODES",
    "Health",
    "Limiter",
    "MeteredTransport",
    "Recorder",
    "RetryPolicy",
    "RetryTransport",
    "RetryingAsyncClient",
    "Timing",
    "limiter_for",
    "policy_for",
]
