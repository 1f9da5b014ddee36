"""`python -m minitorch_cv.cli`: the command line where the program minitorch-cv is not on the path."""

import sys

from . import main

sys.exit(main())
