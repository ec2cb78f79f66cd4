"""What the tests of the egress share: compiled rules, so that no stream of theirs waits for them."""

import pytest

from stopper.detect.inspection import packaged_detector


@pytest.fixture(scope="session", autouse=True)
def prepared() -> None:
    """Compile what streams need once; a busy machine takes longer for it than a test is patient."""
    packaged_detector(b"any").engine.complete()
