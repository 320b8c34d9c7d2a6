"""`python -m pdbuild`."""

import sys

from pdbuild.cli import main

sys.exit(main())
