"""Signed readings: what a record says of itself, and the steps from a request to it, one question at a time."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.interfaces import RegisterAnswer, RegisterRead, RegisterStep, RegisterWrite
from hardware.sim.direct import DirectMeterLink
from hardware.sim.site import ConnectorDescription, Site, SiteDescription, ecdsa
from hardware.sim.site.registers import ModbusRefusal, write_words
from schemas.metering import SignContext
from services.metering import ocmf
from services.metering.registers import MODELS, SigningRegisters, decode, decode_text, encode_text, plan
from services.metering.signing import ANSWER_BEFORE_S, Job, Signed

pytestmark = pytest.mark.unit

MODEL = MODELS["carlo_gavazzi_em580"]
METER = "connector.1"
ONE, OTHER = "transaction-1", "transaction-2"
BEGIN, END = SignContext.BEGIN, SignContext.END


def registers() -> SigningRegisters:
    assert MODEL.signing is not None
    return MODEL.signing


class Bench:
    """The simulated meter and a clock turned by hand. `commands` are the letters that were written."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.site = Site(SiteDescription({1: ConnectorDescription(meter=MODEL.name)}), now_s=self.now_s)
        self.link = DirectMeterLink(self.site, METER, lambda: self.now_s)
        self.commands = ""
        self.loses_confirmation_of = ""
        """Once: this command arrives, and nobody hears of it."""
        self.loses = ""
        """Once: this command does not arrive."""

    @property
    def serial(self) -> str:
        return f"SIM-{self.site.meters[METER].serial}"

    def ask(self, steps: tuple[RegisterStep, ...]) -> RegisterAnswer:
        if self.loses and steps[-1] == RegisterWrite(registers().command, (ord(self.loses),)):
            self.loses = ""
            return RegisterAnswer(self.now_s, self.now_s, (), "no answer")
        assert self.link.ask(steps)
        self.now_s = self.link.next_event_s()
        answer = self.link.answer()
        assert answer is not None
        for step in steps:
            if isinstance(step, RegisterWrite) and step.address == registers().command:
                self.commands += chr(step.words[0])
                if self.commands[-1] == self.loses_confirmation_of:
                    self.loses_confirmation_of = ""
                    return RegisterAnswer(answer.asked_s, answer.answered_s, (), "no answer")
        return answer

    def job(self, context: SignContext, transaction_id: str = ONE, within_s: float = 15.0) -> Job:
        return Job(registers(), context, transaction_id, "CARD", self.now_s + within_s)

    def run(self, job: Job, questions: int = 1000) -> Signed | None:
        """None = so many questions were asked, and it is not over."""
        for _ in range(questions):
            if (over := job.give_up(self.now_s)) is not None:
                return over
            self.now_s = min(max(self.now_s, job.next_s), job.until_s)
            if self.now_s < job.until_s:
                over = job.take(self.ask(job.question()), self.serial, self.now_s)
            if over is not None:
                return over
        return None

    def sign(self, context: SignContext, transaction_id: str = ONE) -> Signed:
        signed = self.run(self.job(context, transaction_id))
        assert signed is not None
        return signed


@pytest.fixture
def bench() -> Bench:
    return Bench()


def kind_of(signed: Signed) -> tuple[str, str]:
    record = ocmf.read(signed.record.encode())
    return record.kind, record.tariff


def test_begin_and_end_are_one_command_each(bench: Bench) -> None:
    assert kind_of(bench.sign(BEGIN)) == ("B", ONE)
    assert kind_of(bench.sign(END)) == ("E", ONE)
    assert bench.commands == "BE"


def test_asked_again_it_is_the_same_record_and_no_second_command(bench: Bench) -> None:
    assert bench.sign(BEGIN) == bench.sign(BEGIN)
    assert bench.sign(END) == bench.sign(END)
    assert bench.commands == "BE"


@pytest.mark.parametrize("questions", range(1, 8))
@pytest.mark.parametrize("context", [BEGIN, END])
def test_a_job_that_takes_over_finds_out_how_far_the_one_before_has_come(
    bench: Bench, context: SignContext, questions: int
) -> None:
    if context is END:
        bench.sign(BEGIN)
    bench.run(bench.job(context), questions)
    assert kind_of(bench.sign(context)) == (("B" if context is BEGIN else "E"), ONE)
    assert bench.commands == ("B" if context is BEGIN else "BE")


@pytest.mark.parametrize("context", [BEGIN, END])
def test_a_command_whose_confirmation_was_lost_is_not_given_twice(bench: Bench, context: SignContext) -> None:
    if context is END:
        bench.sign(BEGIN)
    bench.loses_confirmation_of = "B" if context is BEGIN else "E"
    assert bench.sign(context).record
    assert bench.commands == ("B" if context is BEGIN else "BE")


@pytest.mark.parametrize("context", [BEGIN, END])
def test_a_command_that_did_not_arrive_is_given_again(bench: Bench, context: SignContext) -> None:
    if context is END:
        bench.sign(BEGIN)
    bench.loses = "B" if context is BEGIN else "E"
    assert bench.sign(context).record
    assert bench.commands == ("B" if context is BEGIN else "BE")


def test_another_transaction_that_is_still_open_is_aborted_first(bench: Bench) -> None:
    bench.sign(BEGIN, OTHER)
    assert kind_of(bench.sign(BEGIN)) == ("B", ONE)
    assert bench.commands == "BAB"
    assert bench.sign(END, OTHER) == Signed(reason="the meter is in no transaction of this id")


def test_what_has_ended_does_not_begin_again(bench: Bench) -> None:
    bench.sign(BEGIN)
    bench.sign(END)
    assert bench.sign(BEGIN) == Signed(reason="the meter has already ended this transaction")
    assert bench.commands == "BE"


def test_nothing_ends_that_has_not_begun(bench: Bench) -> None:
    assert bench.sign(END) == Signed(reason="the meter is in no transaction of this id")
    assert bench.commands == ""


def test_a_meter_that_never_finishes_is_given_up_just_before_the_end_of_the_request(bench: Bench) -> None:
    bench.site.fault("sign_silent", 1, True)
    begun_s = bench.now_s
    assert bench.sign(BEGIN) == Signed(reason="the meter has not signed in time")
    assert bench.now_s == pytest.approx(begun_s + 15.0 - ANSWER_BEFORE_S)
    bench.site.fault("sign_silent", 1, False)
    assert bench.sign(BEGIN).record
    assert bench.commands == "B"


def test_a_refusal_is_known_at_once_and_the_next_job_tries_again(bench: Bench) -> None:
    bench.site.fault("sign_refused", 1, True)
    begun_s = bench.now_s
    assert bench.sign(BEGIN).reason.startswith("the meter refuses to sign")
    assert bench.now_s == begun_s
    bench.site.fault("sign_refused", 1, False)
    assert bench.sign(BEGIN).record


def test_a_meter_that_is_away_for_a_while_is_waited_for(bench: Bench) -> None:
    job = bench.job(BEGIN)
    bench.site.meter(METER, timeout=True)
    assert bench.run(job, 3) is None
    bench.site.meter(METER, timeout=False)
    assert bench.run(job) is not None
    bench.site.meter(METER, timeout=True)
    assert "no answer" in bench.sign(END).reason


def test_an_exchanged_meter_knows_nothing_of_the_transaction(bench: Bench) -> None:
    bench.sign(BEGIN)
    bench.site.meter(METER, serial=77)
    assert bench.sign(END).reason == "the meter is in no transaction of this id"


def test_a_record_of_another_serial_number_is_no_record_of_this_meter(bench: Bench) -> None:
    bench.sign(BEGIN)
    job, over = bench.job(BEGIN), None
    while over is None:
        over = job.take(bench.ask(job.question()), "SIM-1", bench.now_s)
    assert over == Signed(reason=f"the record is of meter {bench.serial}, not of SIM-1")


# one answer at a time


def look(state: int, charging: int, size: int = 0, tariff: str = ONE) -> RegisterAnswer:
    return RegisterAnswer(1.0, 1.0, ((charging,), (state, size), encode_text(tariff, 20)))


def test_a_corrupted_record_counts_only_after_a_command_of_our_own() -> None:
    job = Job(registers(), BEGIN, ONE, "CARD", 100.0)
    assert job.take(look(3, 0, tariff=OTHER), "SIM-1", 1.0) is None
    assert job.question()[-1] == RegisterWrite(0x7040, (0x42,))
    assert job.take(RegisterAnswer(1.0, 1.0, ((), (), (), ())), "SIM-1", 1.0) is None
    over = job.take(look(3, 1), "SIM-1", 1.0)
    assert over == Signed(reason="the meter says that its record is corrupted")


@pytest.mark.parametrize("size", [0, 4063, 0xFFFF])
def test_a_record_of_an_impossible_size_is_not_read(size: int) -> None:
    job = Job(registers(), END, ONE, "CARD", 100.0)
    job.take(look(2, 1, size), "SIM-1", 1.0)
    assert job.question() == (RegisterWrite(0x7040, (0x45,)),)


def test_a_long_record_is_read_in_pieces_that_a_meter_answers() -> None:
    job = Job(registers(), END, ONE, "CARD", 100.0)
    job.take(look(2, 1, 4061), "SIM-1", 1.0)
    reads = [step for step in job.question() if isinstance(step, RegisterRead)]
    assert sum(read.count for read in reads) == 2031
    assert max(read.count for read in reads) <= 125
    assert reads[0].address == 0x7110
    assert all(a.address + a.count == b.address for a, b in pairwise(reads))


@given(st.binary(max_size=300))
def test_noise_where_a_record_should_be_ends_in_time_and_never_as_a_record(noise: bytes) -> None:
    job = Job(registers(), END, ONE, "CARD", 100.0)
    job.take(look(2, 1, len(noise)), "SIM-1", 1.0)
    if noise:
        padded = noise + b"\0" * (len(noise) % 2)
        words = tuple(padded[at] << 8 | padded[at + 1] for at in range(0, len(padded), 2))
        over = job.take(RegisterAnswer(1.0, 1.0, (words,)), "SIM-1", 1.0)
        assert over is None or not over.record
    assert job.give_up(100.0) is not None


def test_texts_survive_the_registers_and_lose_what_a_record_cannot_carry() -> None:
    assert decode_text(encode_text("CARD-1", 20)) == "CARD-1"
    assert decode_text(encode_text("A|B\nÄ", 20)) == "A_B__"
    assert decode_text(encode_text("x" * 100, 20)) == "x" * 40
    assert decode_text((0x4100, 0x4242)) == "A"
    assert decode_text((0x4107,)) == "A?"


def test_the_measured_values_of_the_em580_are_read_as_its_map_says(bench: Bench) -> None:
    bench.site.meter(METER, energy_wh=5_000_000.0)
    sample = decode(MODEL, bench.ask(plan(MODEL)).words)
    assert sample.serial == bench.serial
    assert {key: round(value, 3) for key, value in sample.values.items()} == {
        **{(quantity, phase): 230.0 for quantity in ("voltage",) for phase in (1, 2, 3)},
        **{("current", phase): 0.0 for phase in (1, 2, 3)},
        ("power", 0): 0.0,
        ("frequency", 0): 50.0,
        ("energy_import", 0): 5_000_000.0,
    }


# the record


def record(**changes: Any) -> str:
    payload = {"FV": "1.4", "MS": "SIM-1", "TT": ONE, "RD": [{"TX": "B", "RV": 1.5}], **changes}
    return f'OCMF|{json.dumps(payload)}|{{"SD":"30"}}'


def test_a_record_says_whose_it_is_and_keeps_its_bytes() -> None:
    text = record(RD=[{"TX": "B", "RV": 2935.600}, {"RV": 3000}])
    assert ocmf.read(text.encode()) == ocmf.Record(text, "SIM-1", ONE, "B")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"OCMF",
        b"OCMF||",
        record().encode()[:-1],
        record().replace("OCMF", "OCMX").encode(),
        record().replace('"SD":"30"', '"SD":""').encode(),
        record().replace('{"SD":"30"}', "{}").encode(),
        record().replace("SIM-1", "SIM\n1").encode(),
        record().encode() + b"|{}",
        record(TT="ä").encode("latin-1", "replace") + b"\xff",
        record(MS=1).encode(),
        record(RD={}).encode(),
        record(TT="x" * 5000).encode(),
        b"OCMF|" + b"[" * 4000 + b"|{}",
    ],
)
def test_what_is_no_record_is_refused_with_words(raw: bytes) -> None:
    with pytest.raises(ocmf.BadRecord):
        ocmf.read(raw)


@given(st.binary(max_size=200))
def test_noise_is_never_a_record(raw: bytes) -> None:
    with pytest.raises(ocmf.BadRecord):
        ocmf.read(raw)


# the simulated meter


def test_a_simulated_meter_that_does_not_sign_takes_no_write() -> None:
    site = Site(SiteDescription({1: ConnectorDescription()}))
    with pytest.raises(ModbusRefusal):
        write_words(site, METER, 0x7040, (0x42,))


def test_a_simulated_signature_is_finished_after_a_restart_of_the_site(bench: Bench) -> None:
    bench.run(bench.job(BEGIN), 2)
    assert bench.commands == "B"
    bench.site = Site(bench.site.description, bench.site.dump(), bench.now_s)
    bench.link = DirectMeterLink(bench.site, METER, lambda: bench.now_s)
    assert kind_of(bench.sign(BEGIN)) == ("B", ONE)
    assert bench.commands == "B"


def test_a_simulated_signature_is_the_same_for_the_same_key_and_message() -> None:
    key = ecdsa.private_key("SIM-1")
    assert ecdsa.sign(key, b"payload") == ecdsa.sign(key, b"payload")
    assert ecdsa.sign(key, b"payload") != ecdsa.sign(key, b"payloae")
    assert ecdsa.public_key_der(key) != ecdsa.public_key_der(ecdsa.private_key("SIM-2"))
    assert len(ecdsa.public_key_der(key)) == 92
