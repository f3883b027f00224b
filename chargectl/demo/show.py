"""Starts a station and its backend, lets the story happen, and shows it until Ctrl-C."""

import argparse
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator

from chargectl.bus_client import BusClient
from chargectl.demo.backend import OWN_SETTINGS, URL, WAY, DemoBackend, StationFile
from chargectl.demo.join_in import command, join_in
from chargectl.demo.screen import Screen
from chargectl.demo.story import Story
from chargectl.demo.tree import Tree
from chargectl.demo.view import HEARS, View, Watcher
from chargectl.init import DEFAULT_STATION, make_home
from chargectl.output import Failure
from chargectl.sim import ask_world
from chargectl.station import place
from chargectl.station_check import check_home
from chargectl.supervisor import program_names
from services.exit_codes import ExitCode
from services.home import Home
from services.ocpp_link.url import BadAddress, connection_address
from services.settings.rules import Unacceptable, parse
from services.settings.table import KEYS

REFRESH_S = 0.5
DARK_S = 3.0
"""How long the power stays away after a cut."""
BACKEND_CARD = "04BACC0FFEE001"
"""Not in the station's local list: the demo's backend is asked about it."""
LINES_SHOWN = 3


class Demo:
    """One showing. Use `live`; raises Failure."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._temporary = not arguments.home
        self._home = Home(arguments.home or tempfile.mkdtemp(prefix="charge-demo-"))
        if not self._home.station_file.exists():
            make_home(self._home, DEFAULT_STATION, replace=False)
        self._station = check_home(self._home)
        self._home.make_directories()
        self._tree = Tree(self._home)
        self._file = StationFile(self._home.station_file)
        self._backend: DemoBackend | None = None
        self._ended: list[int] = []
        self._begun_s = time.monotonic()

    def live(self) -> int:
        arguments = self._arguments
        if self._tree.attached and (arguments.backend or arguments.no_backend):
            raise Failure(
                "this station runs already, with the backend of its settings; end it first, or change them: "
                f"chargectl config set {URL} {arguments.backend or '...'} {place(self._home)}",
                ExitCode.ALREADY_RUNNING,
            )
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda received, _frame: self._ended.append(received))
        screen: Screen | None = None
        try:
            if not self._tree.attached:
                self._choose_backend()
            local = next(iter(self._station.cards.local), "")
            story = Story(
                arguments.card or local,
                asked_card=arguments.card or (BACKEND_CARD if self._backend is not None else local),
                waits_for_backend=self._backend is not None or bool(arguments.backend),
            )
            card = story.asked_card or local
            own = self._backend is not None
            screen = Screen(self._home, lambda view: join_in(self._home, card, view.backend_transaction, backend=own))
            self._show(story, screen)
        finally:
            self._end(screen)
        return int(ExitCode.OK)

    def _choose_backend(self) -> None:
        """Its own, unless the person has named one, or wants none."""
        if self._arguments.no_backend:
            self._file.use({WAY: "No Backend"})
        elif self._arguments.backend:
            self._check_address(self._arguments.backend)
            self._file.use({URL: self._arguments.backend, WAY: "Ethernet"})
        elif self._file.names_a_backend():
            self._file.restore()
        else:
            self._backend = DemoBackend(self._home)
            self._file.use({URL: self._backend.start(), **OWN_SETTINGS})

    def _check_address(self, url: str) -> None:
        """Raises Failure."""
        identity = str(self._station.settings.get("ChargeBoxIdentity") or self._station.station.serial)
        try:
            connection_address(parse(KEYS[URL], url), identity)
        except (Unacceptable, BadAddress) as error:
            raise Failure(f"--backend {url}: {error}", ExitCode.USAGE) from error

    def _show(self, story: Story, screen: Screen) -> None:
        self._tree.start()
        with BusClient(self._home, hears=HEARS) as client:
            watcher = Watcher(self._station, tuple(program_names()))
            for _ in self._pictures(client):
                said = self._backend.last_lines(LINES_SHOWN) if self._backend is not None else []
                view = watcher.look(client.bus, client.clock.now().boot_s, said)
                self._tell(story, view)
                screen.draw(view, story.caption, time.monotonic() - self._begun_s)
                if self._tree.has_lost_power():
                    self._wait_in_the_dark(story, screen, view)
                    self._tree.start()
                    story.power_back()

    def _pictures(self, client: BusClient) -> Iterator[None]:
        while not self._ended and time.monotonic() - self._begun_s < self._arguments.seconds:
            client.listen(REFRESH_S)
            if self._backend is not None:
                self._backend.look_after()
            yield

    def _tell(self, story: Story, view: View) -> None:
        operation = story.turn(view, time.monotonic())
        if operation is not None:
            try:
                ask_world(self._home, operation)
            except Failure as failure:
                story.caption = f"{operation['op']}: {failure}"
        if self._backend is not None and self._backend.is_away:
            story.caption = "The demo backend has ended; it comes back in a moment. The station goes on without it."

    def _wait_in_the_dark(self, story: Story, screen: Screen, view: View) -> None:
        story.power_cut()
        screen.draw(view, story.caption, 0.0)
        deadline_s = time.monotonic() + DARK_S
        while time.monotonic() < deadline_s and not self._ended:
            time.sleep(0.1)

    def _end(self, screen: Screen | None) -> None:
        if screen is not None:
            screen.leave()
        root = shlex.quote(str(self._home.root))
        if self._tree.attached:
            print(f"the station in {root} goes on: it was running before")
            return
        if self._tree.started:
            print("ending the station ...", flush=True)
            self._tree.stop()
        if self._backend is not None:
            self._backend.stop()
        self._file.restore()
        if self._tree.started:
            print(f"ended. Its home stays in {root}: logs, data, station.toml")
            print(f"again: {command()} demo {place(self._home)}")
        elif self._temporary:
            shutil.rmtree(self._home.root)


def show(arguments: argparse.Namespace) -> int:
    return Demo(arguments).live()
