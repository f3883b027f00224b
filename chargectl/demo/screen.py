"""Where the demo is shown: a picture refreshed in place on a terminal, lines elsewhere."""

import contextlib
import shutil
import sys
import time
from collections.abc import Callable

from chargectl.demo.picture import Paint, fitted, one_line, picture
from chargectl.demo.view import View
from chargectl.output import CLEAR_TO_END, HOME, has_colour
from services.home import Home

PLAIN_S = 5.0
"""Without a terminal: a line at least this often."""


class Screen:
    def __init__(self, home: Home, join_in: Callable[[View], list[str]]) -> None:
        self._terminal = sys.stdout.isatty()
        self._paint = Paint(has_colour(sys.stdout))
        self._home = home
        self._join_in = join_in
        self._last_line = ""
        self._next_line_s = 0.0
        self._begun = False

    def draw(self, view: View, caption: str, elapsed_s: float) -> None:
        with contextlib.suppress(BrokenPipeError):
            if self._terminal:
                self._draw_picture(view, caption, elapsed_s)
            else:
                self._print_line(view, caption)

    def leave(self) -> None:
        if self._terminal and self._begun:
            print("\x1b[?25h")

    def _draw_picture(self, view: View, caption: str, elapsed_s: float) -> None:
        size = shutil.get_terminal_size()
        lines = picture(view, caption, elapsed_s, self._join_in(view), self._paint)
        begin = HOME if self._begun else "\x1b[2J\x1b[?25l" + HOME
        self._begun = True
        text = "".join(f"{line}\x1b[K\n" for line in fitted(lines, size.columns, size.lines))
        sys.stdout.write(begin + text + CLEAR_TO_END)
        sys.stdout.flush()

    def _print_line(self, view: View, caption: str) -> None:
        if not self._begun:
            self._begun = True
            print(f"home: {self._home.root}")
            print("join in from another terminal:")
            for line in self._join_in(view):
                print(f"  {line}")
        line = one_line(view, caption)
        if caption != self._last_line or time.monotonic() >= self._next_line_s:
            self._last_line = caption
            self._next_line_s = time.monotonic() + PLAIN_S
            print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)
