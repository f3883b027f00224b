"""What was read last of one ability, for boards whose readings arrive by themselves (`interfaces.py`)."""

from hardware.interfaces import Feedback, Resistance, Speed, Temperature, Voltages


class LatestProximity:
    def __init__(self) -> None:
        self.latest: Resistance | None = None

    def resistance(self) -> Resistance | None:
        return self.latest


class LatestOutputSense:
    def __init__(self) -> None:
        self.latest: Voltages | None = None

    def voltages(self) -> Voltages | None:
        return self.latest


class LatestInput:
    def __init__(self) -> None:
        self.latest: Feedback | None = None

    def state(self) -> Feedback | None:
        return self.latest


class LatestTemperature:
    def __init__(self) -> None:
        self.latest: Temperature | None = None

    def read(self) -> Temperature | None:
        return self.latest


class LatestTachometer:
    def __init__(self) -> None:
        self.latest: Speed | None = None

    def read(self) -> Speed | None:
        return self.latest
