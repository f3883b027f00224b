"""Fills the holes of the heap before a process forks, so that its children do not write between what they share.

What was freed while modules were imported leaves holes on pages that are full of other things. A child would put its
own objects there, and each such page is copied for it. Filled holes send it to pages of its own: 0.6 MiB less for each.
"""

import ctypes

POOL_BYTES = 16 * 1024
"""CPython's small-object allocator carves blocks of one size out of pools of this size, and starts behind a header."""
POOL_HEADER_BYTES = 48
SMALL_SIZES = range(16, 513, 16)
RUN, BEGINNING = 8, 4
"""So many blocks in a row, the first of them among the first of its pool: the pool is new."""
MOST_SMALL = 4096
"""Of one size. More holes than that: some stay."""
LARGE_SIZES = (65536, 32768, 16384, 8192, 4096, *range(3072, 1008, -256), *range(1008, 16, -16))
"""Bytes, for malloc: largest first."""
MOST_LARGE = 4096
ABOVE_ALL_BYTES = 100_000
"""No hole is that large, and it does not get a mapping of its own (128 KiB)."""


def fill() -> tuple[object, ...]:
    """What fills the small holes: keep it for ever. The large ones stay filled without that."""
    filling: list[object] = []
    for size in SMALL_SIZES:
        _fill_small(size, filling)
    _fill_large()
    return tuple(filling)


def _fill_small(size: int, filling: list[object]) -> None:
    """Until a new pool is begun, whose blocks come one behind the other: then no other pool of this size has a hole."""
    run, begins = 0, False
    for number in range(MOST_SMALL):
        filling.append(_block(size, number))
        # no address is kept: it would be a block itself
        if number and id(filling[-1]) == id(filling[-2]) + size:
            run += 1
        else:
            run, begins = 1, id(filling[-1]) % POOL_BYTES < POOL_HEADER_BYTES + BEGINNING * size
        if begins and run >= RUN:
            return


def _block(size: int, number: int) -> object:
    if size == 16:
        return object()
    # a whole number of 31 bits has 32 bytes, a string of bytes 33 and its length
    return (1 << 30) + number if size == 32 else bytes(size - 33)


def _fill_large() -> None:
    """Of each size until the allocator takes it from the end of the heap. A libc that is another one: nothing."""
    try:
        libc = ctypes.CDLL(None)
        malloc, free = libc.malloc, libc.free
    except (AttributeError, OSError):
        return
    malloc.restype, malloc.argtypes, free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
    end = malloc(ABOVE_ALL_BYTES)
    free(end)
    if not end:
        return
    for size in LARGE_SIZES:
        for _ in range(MOST_LARGE):
            place = malloc(size)
            if not place or place >= end:
                free(place)
                break
