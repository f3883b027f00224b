"""`chargectl bench`: every performance promise as a ratio against a physical limit or a peer in the same run."""

from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Runs `bench NAME [--json] [--repeats N] [--quick]`; 0 when every measured figure keeps its limit, 1 otherwise."""
    from chargectl.bench.command import run

    return run(argv)
