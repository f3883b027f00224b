"""Hands `chargectl bench ...` to the benchmarks."""

from collections.abc import Sequence


def run(words: Sequence[str]) -> int:
    from chargectl.bench import main

    return int(main(list(words)))
