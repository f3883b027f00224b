"""`python -m chargectl.bench NAME`: the same as `chargectl bench NAME`."""

import sys

from chargectl.bench import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
