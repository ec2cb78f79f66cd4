"""What all tests share: no law fails because a machine is slow, or because of the day's luck.

A run tries the same examples each time, so that a change is judged by what it changes. What looks
for new ones is `make soak`, or `pytest --hypothesis-profile=search`.
"""

import gc

from hypothesis import HealthCheck, settings

settings.register_profile(
    "search", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("same", settings.get_profile("search"), derandomize=True)
settings.load_profile("same")


def pytest_collection_finish() -> None:
    """Keep the tests themselves out of collections, of which a full one took up to a second.

    That is time in which a text's own, 0.7 s of its thread, could be over before it was looked at.
    """
    gc.collect()
    gc.freeze()
