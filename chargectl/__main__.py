"""`python -m chargectl`."""

import sys

from chargectl.main import main

if __name__ == "__main__":
    sys.exit(main())
