"""A meter that signs, and does not, on the whole station: nothing begins without a signed record; an end without one is
billed, told and made up for. Numbers F.. are rows of the fault-injection table.
"""

from pathlib import Path

import pytest

from bus.topics import METERING_SIGN, SESSION_FACT
from schemas.base import Answer, Answered
from schemas.hmi import LightPattern
from schemas.metering import SignContext, SignRequest
from schemas.session import StopReason, TransactionMeterValues, TransactionStopped
from tests.backend.scripted import ScriptedBackend
from tests.parts import sample
from tests.signed_records import Record, records_of, take_apart
from tests.virtual.charging_station import CARD, OTHER_CARD, Status
from tests.virtual.fault_bench import FaultBench

pytestmark = pytest.mark.virtual

BEGIN, END = "Transaction.Begin", "Transaction.End"
METER = "connector.1"
SIGNING = 'meter = "carlo_gavazzi_em580"'


def bench_at(path: Path, backend: ScriptedBackend | None = None, **settings: str) -> FaultBench:
    bench = FaultBench(path, connector=SIGNING, power=False, backend=backend, **settings)
    bench.site.meter(METER, energy_wh=12_345.0)
    bench.power_up()
    bench.until_heard()
    return bench


@pytest.fixture
def bench(tmp_path: Path) -> FaultBench:
    return bench_at(tmp_path)


def last_record(bench: FaultBench) -> Record:
    signer = bench.site.meters[METER].signer
    assert signer is not None
    return take_apart(signer.record)


def end(bench: FaultBench, within_s: float = 40.0) -> TransactionStopped:
    bench.swipe(CARD)
    bench.until_ended(len(bench.bills()), within_s)
    stopped = bench.bills()[-1].stopped
    assert stopped is not None
    assert stopped.reason is StopReason.LOCAL
    return stopped


def edges(bench: FaultBench) -> list[bool]:
    bench.settle()
    return [edge.raised for edge in bench.edges("sign_failed", owner="session")]


def late_records(bench: FaultBench) -> list[Record]:
    """Delivered after the end, each once."""
    facts = {m.body.number: m.body.body for m in bench.said if m.topic is SESSION_FACT}
    bodies = [facts[number] for number in sorted(facts)]
    return [
        record
        for body in bodies
        if isinstance(body, TransactionMeterValues)
        for record in records_of(body.samples).values()
    ]


def expect_told(bench: FaultBench) -> None:
    bench.until(lambda: bench.session(1).error_code == "PowerMeterFailure", within_s=1.0)
    assert bench.session(1).fault == "sign_failed"
    assert bench.fault_codes() == ["sign_failed"]


def test_begin_and_end_of_a_transaction_are_signed_and_fit_together(bench: FaultBench) -> None:
    bench.charge()
    bench.advance(30.0)
    bill = bench.bill()
    stopped = end(bench)
    records = records_of(stopped.samples)
    assert set(records) == {BEGIN, END}
    begin, last = records[BEGIN], records[END]
    assert (begin.kind, last.kind) == ("B", "E")
    assert (begin.register_wh, last.register_wh) == (bill.started.meter_start_wh, stopped.meter_stop_wh)
    assert last.register_wh > begin.register_wh
    assert last.pagination == begin.pagination + 1
    assert begin.payload["MS"] == last.payload["MS"] == bill.started.meter_serial
    assert begin.payload["TT"] == last.payload["TT"] == bill.started.transaction_id
    assert begin.payload["ID"] == CARD
    assert (bill.started.signed, stopped.signed, stopped.end_unsigned) == (True, True, False)
    assert edges(bench) == []


def test_f72_without_a_signature_at_the_begin_there_is_no_power_and_no_transaction(tmp_path: Path) -> None:
    bench = bench_at(tmp_path, ScriptedBackend())
    bench.inject("sign_silent")
    bench.plug_in()
    bench.advance(0.5)
    bench.swipe(CARD)
    bench.advance(1.0)
    assert bench.session(1).reason == "waiting for the meter's signature"
    took_s = bench.until(lambda: "sign_failed" in bench.fault_codes(), within_s=15.0)
    assert took_s > 5.0
    expect_told(bench)
    bench.expect_warned("sign_failed")
    assert bench.session(1).reason.startswith("the meter does not sign: ")
    bench.advance(40.0)
    assert (bench.status(), bench.bills(), bench.connector().contactor.closings) == (Status.PREPARING, [], 0)
    assert bench.light() is LightPattern.SUSPENDED
    assert not bench.last_step().outputs.coil
    assert edges(bench) == [True]
    bench.clear("sign_silent")
    bench.until_current_flows(within_s=40.0)
    assert bench.fault_codes() == []
    bench.expect_cleared("sign_failed", within_s=0.0, owner="session")
    begin = last_record(bench)
    assert (begin.kind, begin.pagination) == ("B", 1), "asked again for the same transaction it is the same record"
    assert end(bench).end_unsigned is False


def test_a_refused_command_at_the_begin_tells_at_once_and_the_next_attempt_charges(bench: FaultBench) -> None:
    bench.inject("sign_refused")
    bench.plug_in()
    bench.advance(0.5)
    bench.swipe(CARD)
    bench.until(lambda: "sign_failed" in bench.fault_codes(), within_s=3.0)
    expect_told(bench)
    assert "refuses" in bench.session(1).reason
    bench.unplug()
    bench.advance(3.0)
    bench.clear("sign_refused")
    assert (bench.bills(), bench.connector().contactor.closings) == ([], 0)
    bench.charge()
    assert edges(bench) == [True, False]
    end(bench)


def test_f73_an_end_without_a_signature_is_billed_flagged_and_made_up_for(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    bench = FaultBench(tmp_path, connector=SIGNING, backend=backend, RetransmitMeterValues="false")
    bench.until(lambda: backend.connected, within_s=30.0)
    bench.charge()
    bench.advance(20.0)
    bench.inject("sign_refused")
    begun_s = bench.clock.boot_s
    stopped = end(bench)
    assert 25.0 < bench.clock.boot_s - begun_s < 36.0, "it waits for the signature, and not for ever"
    assert (stopped.signed, stopped.end_unsigned, stopped.meter_stop_measured) == (True, True, True)
    assert set(records_of(stopped.samples)) == {BEGIN}
    assert stopped.meter_stop_wh == bench.register_wh()
    expect_told(bench)
    bench.expect_warned("sign_failed")
    assert (bench.status(), bench.light()) == (Status.FINISHING, LightPattern.FINISHING)
    bench.unplug()
    bench.advance(60.0)
    assert edges(bench) == [True]
    assert late_records(bench) == []
    bench.clear("sign_refused")
    bench.until(lambda: bool(late_records(bench)), within_s=15.0)
    bench.expect_cleared("sign_failed", within_s=0.0, owner="session")
    bench.advance(30.0)
    (late,) = late_records(bench)
    assert (late.kind, late.register_wh) == ("E", stopped.meter_stop_wh)
    assert late.payload["TT"] == stopped.transaction_id
    (stop_call,) = backend.payloads("StopTransaction")
    values = [each for each in backend.payloads("MeterValues") if "SignedData" in str(each)]
    assert len(values) == 1, "kept like a bill, whatever RetransmitMeterValues says"
    assert values[0]["transactionId"] == stop_call["transactionId"]
    (sampled,) = values[0]["meterValue"][0]["sampledValue"]
    assert sampled == {"value": late.text, "context": END, "format": "SignedData"}
    signed = [v for each in stop_call["transactionData"] for v in each["sampledValue"] if v["format"] == "SignedData"]
    assert [each["context"] for each in signed] == [BEGIN]


def test_a_late_signature_waits_through_an_outage_and_kills_for_the_name_that_the_backend_gives(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    bench = FaultBench(tmp_path, connector=SIGNING, backend=backend)
    bench.until(lambda: backend.connected, within_s=30.0)
    bench.uplink.up = False
    bench.charge()
    bench.inject("sign_refused")
    stopped = end(bench)
    bench.clear("sign_refused")
    bench.until(lambda: edges(bench) == [True, False], within_s=15.0)
    bench.kill("session")
    bench.start("session")
    bench.kill("message_queue")
    bench.start("message_queue")
    bench.advance(30.0)
    assert late_records(bench) == []
    bench.uplink.up = True
    bench.until(lambda: any("SignedData" in str(each) for each in backend.payloads("MeterValues")), within_s=120.0)
    bench.kill("session")
    bench.start("session")
    bench.advance(20.0)
    (late,) = late_records(bench)
    assert late.register_wh == stopped.meter_stop_wh
    (stop_call,) = backend.payloads("StopTransaction")
    (values,) = [each for each in backend.payloads("MeterValues") if "SignedData" in str(each)]
    assert values["transactionId"] == stop_call["transactionId"] > 0


def test_f73_a_silent_meter_delivers_the_end_when_it_signs_again(bench: FaultBench) -> None:
    bench.charge()
    bench.advance(10.0)
    bench.inject("sign_silent")
    stopped = end(bench)
    assert stopped.end_unsigned
    bench.clear("sign_silent")
    bench.until(lambda: bool(late_records(bench)), within_s=20.0)
    assert edges(bench) == [True, False]
    (late,) = late_records(bench)
    assert (late.kind, late.pagination) == ("E", 2), "the command was given once"


def test_a_signature_that_comes_within_the_patience_is_in_the_bill(bench: FaultBench) -> None:
    bench.charge()
    bench.inject("sign_refused", for_s=15.0)
    stopped = end(bench)
    assert not stopped.end_unsigned
    assert set(records_of(stopped.samples)) == {BEGIN, END}
    assert edges(bench) == [True, False]
    assert late_records(bench) == []


@pytest.mark.long
def test_a_meter_that_never_signs_the_end_is_asked_for_ten_minutes_and_no_longer(bench: FaultBench) -> None:
    bench.charge()
    bench.inject("sign_refused")
    assert end(bench).end_unsigned
    bench.unplug()
    bench.advance(630.0)
    bench.clear("sign_refused")
    asked = sum(m.topic is METERING_SIGN for m in bench.said)
    bench.advance(60.0)
    assert sum(m.topic is METERING_SIGN for m in bench.said) == asked
    assert late_records(bench) == []
    assert edges(bench) == [True], "it has not signed again"
    bench.charge()
    assert edges(bench) == [True, False]
    end(bench)


def test_an_owed_end_is_asked_for_once_more_before_the_next_transaction_begins(bench: FaultBench) -> None:
    bench.charge()
    bench.inject("sign_refused")
    first = end(bench)
    assert first.end_unsigned
    bench.unplug()
    bench.advance(2.0)
    bench.clear("sign_refused")
    bench.plug_in()
    bench.advance(0.5)
    bench.swipe(OTHER_CARD)
    bench.until_current_flows()
    (late,) = late_records(bench)
    assert (late.kind, late.payload["TT"], late.payload["ID"]) == ("E", first.transaction_id, CARD)
    assert last_record(bench).pagination == late.pagination + 1


def test_a_transaction_that_the_meter_still_has_open_is_aborted_before_the_next_one(bench: FaultBench) -> None:
    bench.inject("sign_silent")
    bench.plug_in()
    bench.advance(0.5)
    bench.swipe(CARD)
    bench.until(lambda: "sign_failed" in bench.fault_codes(), within_s=15.0)
    bench.unplug()
    bench.advance(3.0)
    bench.clear("sign_silent")
    bench.charge()
    assert last_record(bench).pagination == 3, "begin, abort, begin"
    assert last_record(bench).payload["TT"] == bench.bill().started.transaction_id
    assert set(records_of(end(bench).samples)) == {BEGIN, END}


@pytest.mark.parametrize("owner", ["metering", "session"])
@pytest.mark.parametrize("after_s", sample([0.9, 0.3, 1.4], 3))
def test_a_kill_while_the_begin_is_being_signed_costs_no_second_transaction(
    bench: FaultBench, owner: str, after_s: float
) -> None:
    bench.plug_in()
    bench.advance(1.0)
    bench.swipe(CARD)
    bench.advance(after_s)
    bench.kill(owner)
    bench.advance(0.2)
    bench.start(owner)
    bench.until_current_flows()
    bill = bench.bill()
    begin = last_record(bench)
    assert (begin.kind, begin.payload["TT"]) == ("B", bill.started.transaction_id)
    assert owner == "session" or begin.pagination == 1, "metering finds out how far it had come"
    records = records_of(end(bench).samples)
    assert records[BEGIN].text == begin.text
    assert records[END].payload["TT"] == bill.started.transaction_id


@pytest.mark.parametrize("owner", ["metering", "session"])
@pytest.mark.parametrize("after_s", sample([0.7, 0.1, 1.2], 3))
def test_a_kill_while_the_end_is_being_signed_loses_no_record(bench: FaultBench, owner: str, after_s: float) -> None:
    bench.charge()
    bench.swipe(CARD)
    bench.until_open(within_s=8.0)
    bench.advance(after_s)
    bench.kill(owner)
    bench.advance(0.2)
    bench.start(owner)
    bench.until_ended()
    stopped = bench.bill().stopped
    assert stopped is not None
    records = records_of(stopped.samples)
    assert set(records) == {BEGIN, END}
    assert records[END].pagination == 2
    assert not stopped.end_unsigned


def test_a_session_killed_while_an_end_is_owed_delivers_it_once(bench: FaultBench) -> None:
    bench.charge()
    bench.inject("sign_refused")
    assert end(bench).end_unsigned
    bench.kill("session")
    bench.clear("sign_refused")
    bench.start("session")
    bench.until(lambda: bool(late_records(bench)), within_s=20.0)
    bench.kill("session")
    bench.start("session")
    bench.advance(60.0)
    assert len(late_records(bench)) == 1


def test_metering_that_is_away_is_no_signature_after_15_s(bench: FaultBench) -> None:
    bench.plug_in()
    bench.advance(1.0)
    bench.swipe(CARD)
    bench.until(lambda: any(m.topic is METERING_SIGN for m in bench.said), within_s=5.0)
    bench.kill("metering")
    bench.until(lambda: "sign_failed" in bench.fault_codes(), within_s=15.0)
    assert bench.connector().contactor.closings == 0
    bench.start("metering")
    bench.until_current_flows()
    assert edges(bench) == [True, False]


def test_f75_a_signed_transaction_ends_with_a_power_cut_and_its_end_is_signed(bench: FaultBench) -> None:
    bench.charge()
    bench.advance(10.0)
    bench.power_cut()
    bench.advance(2.0)
    bench.power_up()
    bench.until_ended()
    first = bench.bills()[0]
    assert first.stopped is not None
    assert first.stopped.reason is StopReason.POWER_LOSS
    records = records_of(first.stopped.samples)
    assert set(records) == {BEGIN, END}
    assert records[END].payload["TT"] == first.started.transaction_id


def test_the_same_request_again_gets_the_same_record_and_no_second_begin(bench: FaultBench) -> None:
    bench.charge()
    one = bench.bill().started.transaction_id

    def ask(context: SignContext, transaction_id: str = one, meter: str = METER) -> Answered:
        expires_s = bench.clock.boot_s + 6.0
        return bench.ask(
            METERING_SIGN,
            SignRequest(
                request_id=bench.new_id(),
                expires_s=expires_s,
                meter=meter,
                transaction_id=transaction_id,
                context=context,
                id_tag=CARD,
            ),
        )

    again = ask(SignContext.BEGIN)
    assert again.outcome is Answer.ACCEPTED
    assert again.values["record"] == last_record(bench).text
    assert last_record(bench).pagination == 1
    assert ask(SignContext.END, "another").outcome is Answer.REJECTED
    assert ask(SignContext.BEGIN, meter="connector.9").outcome is Answer.NOT_SUPPORTED
    stopped = end(bench)
    ended = ask(SignContext.END)
    assert ended.values["record"] == records_of(stopped.samples)[END].text
    refused = ask(SignContext.BEGIN)
    assert (refused.outcome, refused.reason) == (Answer.REJECTED, "the meter has already ended this transaction")
    assert last_record(bench).pagination == 2
