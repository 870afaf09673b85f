"""`python -m flor`: the `flor` command."""

import sys

from flor.cli import main

sys.exit(main())
