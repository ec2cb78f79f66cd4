"""`python -m stopper.testing.provider`."""

import sys

from stopper.testing.provider import main

sys.exit(main(sys.argv[1:]))
