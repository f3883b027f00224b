"""What the link and the microcontroller tell of themselves, for a person. Pure."""

from hardware.mcu import messages
from hardware.mcu.frame import FrameReader
from hardware.mcu.health import Health
from hardware.mcu.link import Incoming


def rows(health: Health, frames: FrameReader, incoming: Incoming, restarts: int) -> list[tuple[str, str]]:
    """(Name, words). `restarts`: of the microcontroller, that were heard."""
    ours = f"{frames.damaged} damaged, {incoming.lost} lost, {incoming.repeated} repeated"
    told = [("frames from the microcontroller", f"{ours}, {health.bad_messages} not understood")]
    if health.identity is not None:
        names = (messages.text(health.identity.firmware), messages.text(health.identity.board))
        told.insert(
            0, ("microcontroller", "firmware {}, board {}".format(*(name or "without a name" for name in names)))
        )
    if (status := health.status) is not None:
        theirs = f"{status.damaged} damaged, {status.lost} lost, {status.repeated} repeated"
        runs = f"{status.uptime_s // 3600} h {status.uptime_s // 60 % 60} min {status.uptime_s % 60} s"
        told += [
            ("frames to the microcontroller", theirs),
            ("microcontroller runs for", f"{runs}, reset reason {status.reset_reason}, restarts heard: {restarts}"),
        ]
    return told
