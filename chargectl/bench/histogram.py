"""Times as a histogram of text lines. Pure."""

from collections.abc import Sequence

EDGES_MS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 50.0, 100.0)
WIDTH = 50


def histogram(times_ms: Sequence[float]) -> list[str]:
    """One line per bucket from the first to the last that has anything in it; no times give no lines."""
    counts = [0] * (len(EDGES_MS) + 1)
    for time_ms in times_ms:
        counts[next((place for place, edge in enumerate(EDGES_MS) if time_ms <= edge), len(EDGES_MS))] += 1
    used = [place for place, count in enumerate(counts) if count]
    if not used:
        return []
    most = max(counts)
    lines = []
    for place in range(used[0], used[-1] + 1):
        bar = "#" * round(WIDTH * counts[place] / most)
        lines.append(f"{_bucket(place):>16}  {counts[place]:5}  {bar}".rstrip())
    return lines


def _bucket(place: int) -> str:
    if place == len(EDGES_MS):
        return f"above {EDGES_MS[-1]:g} ms"
    low = f"{EDGES_MS[place - 1]:g}" if place else ""
    return f"{low} to {EDGES_MS[place]:g} ms".strip() if place else f"up to {EDGES_MS[place]:g} ms"
