"""Many sockets behind one descriptor: the runner waits for the outer epoll only."""

import contextlib
import select
from collections.abc import Callable

MOST_AT_ONCE = 64


class Poll:
    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[], None]] = {}

    def fileno(self) -> int:
        return self._epoll.fileno()

    def add(self, descriptor: int, callback: Callable[[], None]) -> None:
        self._epoll.register(descriptor, select.EPOLLIN)
        self._callbacks[descriptor] = callback

    def want_write(self, descriptor: int, wanted: bool) -> None:
        self._epoll.modify(descriptor, select.EPOLLIN | (select.EPOLLOUT if wanted else 0))

    def remove(self, descriptor: int) -> None:
        self._callbacks.pop(descriptor, None)
        with contextlib.suppress(OSError):
            self._epoll.unregister(descriptor)

    def receive(self) -> None:
        """Call back for everything that is ready now; level-triggered, so the rest comes next time."""
        for descriptor, _ in self._epoll.poll(0, MOST_AT_ONCE):
            callback = self._callbacks.get(descriptor)
            if callback is not None:
                callback()

    def close(self) -> None:
        self._epoll.close()
