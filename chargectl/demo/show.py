"""Starts a station, lets the story happen, and shows it until Ctrl-C."""

import argparse
import contextlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from chargectl.bus_client import BusClient
from chargectl.demo.picture import Paint, fitted, one_line, picture
from chargectl.demo.story import Story
from chargectl.demo.view import HEARS, View, Watcher
from chargectl.init import DEFAULT_STATION, make_home
from chargectl.output import CLEAR_TO_END, HOME, Failure, has_colour
from chargectl.sim import ask_world
from chargectl.station import place, process_of_up
from chargectl.station_check import check_home
from chargectl.supervisor import program_names
from chargectl.up import end_with_parent
from services.exit_codes import ExitCode
from services.home import Home

REFRESH_S = 0.5
PLAIN_S = 5.0
"""Without a terminal: a line at least this often."""
DARK_S = 3.0
"""How long the power stays away after a cut."""
STOP_S = 60.0


class Tree:
    """The `chargectl up` that this process started; or none, where the station ran already."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.attached = process_of_up(home) != 0
        self._process: subprocess.Popen[bytes] | None = None
        self._output = home.log / "up.log"

    def start(self) -> None:
        if self.attached:
            return
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chargectl", "up", "--home", str(self.home.root)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    def has_lost_power(self) -> bool:
        """Somebody has cut the power. Raises Failure when the station has ended in any other way."""
        code = self._process.poll() if self._process is not None else None
        if code is None:
            return False
        if code == -signal.SIGKILL:
            return True
        said = self._output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        text = said[-1] if said else "it said nothing"
        raise Failure(f"the station has ended: {text}", ExitCode(code) if code in set(ExitCode) else ExitCode.FAILED)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(STOP_S)


def show(arguments: argparse.Namespace) -> int:
    home = Home(arguments.home) if arguments.home else Home(Path(tempfile.mkdtemp(prefix="charge-demo-")))
    if not home.station_file.exists():
        make_home(home, DEFAULT_STATION, replace=False)
    station = check_home(home)
    home.make_directories()
    tree = Tree(home)
    id_tag = station.cards.local[0] if station.cards.local else ""
    screen = Screen(home, join_in(home, id_tag))
    ended: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: ended.append(received))
    story = Story(id_tag)
    begun_s = time.monotonic()
    try:
        tree.start()
        with BusClient(home, hears=HEARS) as client:
            watcher = Watcher(station, tuple(program_names()))
            for _ in _pictures(client):
                view = watcher.look(client.bus, client.clock.now().boot_s)
                _tell(story, view, home)
                screen.draw(view, story.caption, time.monotonic() - begun_s)
                if ended or time.monotonic() - begun_s >= arguments.seconds:
                    break
                if tree.has_lost_power():
                    _wait_in_the_dark(story, screen, view, ended)
                    tree.start()
                    story.power_back()
    finally:
        _end(tree, screen)
    return int(ExitCode.OK)


def _pictures(client: BusClient) -> Iterator[None]:
    while True:
        client.listen(REFRESH_S)
        yield


def _tell(story: Story, view: View, home: Home) -> None:
    operation = story.turn(view, time.monotonic())
    if operation is not None:
        try:
            ask_world(home, operation)
        except Failure as failure:
            story.caption = f"{operation['op']}: {failure}"


def _wait_in_the_dark(story: Story, screen: "Screen", view: View, ended: list[int]) -> None:
    story.power_cut()
    screen.draw(view, story.caption, 0.0)
    deadline_s = time.monotonic() + DARK_S
    while time.monotonic() < deadline_s and not ended:
        time.sleep(0.1)


def _end(tree: Tree, screen: "Screen") -> None:
    screen.leave()
    root = shlex.quote(str(tree.home.root))
    if tree.attached:
        print(f"the station in {root} goes on: it was running before")
        return
    print("ending the station ...", flush=True)
    tree.stop()
    print(f"ended. Its home stays in {root}: logs, data, station.toml")
    print(f"again: {command()} demo {place(tree.home)}")


def command() -> str:
    """How this program was called, for copying into another terminal."""
    program = Path(sys.argv[0]).absolute()
    if program.name == "chargectl":
        return shlex.quote(str(program))
    return f"{shlex.quote(sys.executable)} -m chargectl"


def join_in(home: Home, id_tag: str) -> list[str]:
    begin = f"{command()} {place(home)}"
    rows = [
        (f"sim swipe {id_tag or 'YOUR-CARD'}", "the card again: charging ends; once more: it begins"),
        ("sim plug-out 1", "unplug (not while the plug is locked); plug-in 1"),
        ("sim fault pilot_short on", "something breaks; off mends it"),
        ("config set OperatorCurrentLimit 10", "less current, and see why"),
        ("service kill session", "kill -9 a service, the car does not notice; try safety too"),
        ("sim power-cut", "everything dies at once"),
        ("status", "health of every service"),
    ]
    width = max(len(words) for words, _ in rows)
    return [f"{begin} {words:<{width}}  # {about}" for words, about in rows]


class Screen:
    """A picture refreshed in place on a terminal; lines elsewhere."""

    def __init__(self, home: Home, join_in: list[str]) -> None:
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
        lines = picture(view, caption, elapsed_s, self._join_in, self._paint)
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
            for line in self._join_in:
                print(f"  {line}")
        line = one_line(view, caption)
        if caption != self._last_line or time.monotonic() >= self._next_line_s:
            self._last_line = caption
            self._next_line_s = time.monotonic() + PLAIN_S
            print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)
