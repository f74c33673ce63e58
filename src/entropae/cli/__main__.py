"""`python -m entropae.cli`, for where the command is not on the path."""

import sys

from entropae.cli import main

sys.exit(main())
