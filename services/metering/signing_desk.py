"""Where signed readings are asked for: one job at a time for each meter, and the answer to whoever asked."""

import logging
from collections.abc import Mapping

from bus.clock import Now
from bus.endpoint import Endpoint
from hardware.interfaces import RegisterAnswer, RegisterStep
from schemas.base import Answer
from schemas.metering import SignContext, SignRequest
from services.metering.acquisition import Acquisition
from services.metering.signing import Job, Signed

logger = logging.getLogger("metering")


class SigningDesk:
    def __init__(self, bus: Endpoint, meters: Mapping[str, Acquisition]) -> None:
        self._bus = bus
        self._meters = meters
        self._jobs: dict[str, tuple[Job, str]] = {}
        """By meter, with the request it answers."""

    def take(self, request: SignRequest, now: Now) -> None:
        """A new request for the same meter takes over: whoever asked before is no longer there to hear."""
        if now.boot_s >= request.expires_s:
            return
        meter = self._meters.get(request.meter)
        registers = None if meter is None else meter.mounted.model.signing
        if registers is None:
            self._bus.answer(request.request_id, Answer.NOT_SUPPORTED, f"{request.meter!r} is no meter that signs")
            return
        if request.context is SignContext.UNKNOWN:
            self._bus.answer(request.request_id, Answer.REJECTED, "neither the begin nor the end of a transaction")
            return
        if request.meter in self._jobs:
            self._settle(request.meter, Signed(reason="another signed reading is asked for now"))
        job = Job(registers, request.context, request.transaction_id, request.id_tag, request.expires_s)
        self._jobs[request.meter] = (job, request.request_id)

    def question(self, meter: str, now: Now) -> tuple[Job, tuple[RegisterStep, ...]] | None:
        """What a job wants to know of its meter now."""
        if meter not in self._jobs:
            return None
        job, _ = self._jobs[meter]
        return (job, job.question()) if self._meters[meter].serial and now.boot_s >= job.next_s else None

    def due_s(self, meter: str) -> float:
        """When its job has the next question (boot clock)."""
        return self._jobs[meter][0].next_s if meter in self._jobs else float("inf")

    def answered(self, meter: str, asked_by: Job, answer: RegisterAnswer, now: Now) -> None:
        """An answer to a job that is over counts for nobody."""
        job, _ = self._jobs.get(meter, (None, ""))
        if job is asked_by:
            self._settle(meter, job.take(answer, self._meters[meter].serial, now.boot_s))

    def on_time(self, now: Now) -> float:
        """Ends what takes too long; returns when to look again (boot clock)."""
        for meter, (job, _) in list(self._jobs.items()):
            self._settle(meter, job.give_up(now.boot_s))
        return min((job.until_s for job, _ in self._jobs.values()), default=float("inf"))

    def _settle(self, meter: str, signed: Signed | None) -> None:
        if signed is None:
            return
        _, request_id = self._jobs.pop(meter)
        if signed.record:
            self._bus.answer(request_id, Answer.ACCEPTED, values={"record": signed.record})
        else:
            logger.info("%s: %s", meter, signed.reason)
            self._bus.answer(request_id, Answer.REJECTED, signed.reason)
