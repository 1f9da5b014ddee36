"""`python -m minitorch_cv`: the command line where the program minitorch-cv is not on the path."""

import sys

from .cli import main

sys.exit(main())
