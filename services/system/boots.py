"""Which start of the station this is, and why it started. Pure."""

from msgspec import Struct

from schemas.system import Boot, BootReason
from services.endings import Ending


class Start(Struct, frozen=True, kw_only=True):
    start_id: str
    started_wall_s: float
    reason: BootReason
    detail: str = ""
    ending_id: str = ""
    """The announcement that explains this start: it explains no second one."""

    def boot(self) -> Boot:
        return Boot(start_id=self.start_id, started_wall_s=self.started_wall_s, reason=self.reason, detail=self.detail)


def is_restart_of_this_service(start_id: str, before: Start | None) -> bool:
    """`system` alone was restarted and the station goes on. Without a start id every start is one of the station."""
    return before is not None and bool(start_id) and before.start_id == start_id


def judge(start_id: str, before: Start | None, ending: Ending | None, lost: str, wall_s: float) -> Start:
    """`before`: the last start that was kept. `ending`: what announced the end of the previous run. `lost`: why earlier
    starts cannot be known, in words; empty when they can."""
    if before is not None and is_restart_of_this_service(start_id, before):
        return before
    used = before.ending_id if before is not None else ""
    if ending is not None and ending.ending_id != used:
        reason, detail, used = ending.reason, ending.detail, ending.ending_id
    elif lost:
        reason, detail = BootReason.UNKNOWN, lost
    elif before is None:
        reason, detail = BootReason.FIRST_START, ""
    else:
        reason, detail = BootReason.POWER_LOSS, "nothing announced the end of the previous run"
    return Start(start_id=start_id, started_wall_s=wall_s, reason=reason, detail=detail, ending_id=used)
