"""The ends of the hops that our bus is compared with: raw Unix datagrams, bare pyzmq, MQTT. Run as child processes.

    python -m chargectl.bench.peers TRANSPORT send|receive ADDRESS COUNT BYTES

A receiver says {"ready": true} and then one line per slice; a sender sends slice N for each line "N" it is told.
Datagrams are bare bytes, as many as our frame has: the physical limit. ZeroMQ and MQTT carry the fields of our message
as a plain MessagePack map, packed and unpacked without schema: the least that a message costs there.
"""

import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgpack
import msgspec

from chargectl.bench.our_hop import message
from chargectl.bench.slices import Pace, SliceCounter, boot_s, say

_HEAD = struct.Struct("<dII")
"""Stamp (boot clock), slice, index."""
TOPIC = "bench/hop"
SETTLE_S = 0.3
"""Subscriptions need a moment to reach the sender."""


def _slices_wanted() -> Iterator[int]:
    for line in sys.stdin:
        yield int(line)


def _send_slices(count: int, send: Callable[[int, int], Any]) -> None:
    for number in _slices_wanted():
        for index in Pace(count):
            send(number, index)


def _receive_slices(count: int, receive: Callable[[], tuple[int, int, float]]) -> None:
    counter = SliceCounter(count)
    while True:
        number, index, sent_s = receive()
        counter.take(number, index, sent_s, boot_s())


def _packer() -> Callable[[int, int], bytes]:
    fields = msgspec.to_builtins(message(0, 0))
    return lambda number, index: bytes(
        msgpack.packb({**fields, "plug_count": number, "contactor_cycles": index, "sent_s": boot_s()})
    )


def _unpack(payload: bytes) -> tuple[int, int, float]:
    fields = msgpack.unpackb(payload)
    return fields["plug_count"], fields["contactor_cycles"], fields["sent_s"]


def send_datagrams(address: str, count: int, size: int) -> None:
    outgoing = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    outgoing.connect(address)
    say(ready=True)
    padding = bytes(max(0, size - _HEAD.size))
    _send_slices(count, lambda number, index: outgoing.send(_HEAD.pack(boot_s(), number, index) + padding))


def receive_datagrams(address: str, count: int, size: int) -> None:
    incoming = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    incoming.bind(address)
    say(ready=True)

    def receive() -> tuple[int, int, float]:
        sent_s, number, index = _HEAD.unpack_from(incoming.recv(size + 1))
        return number, index, sent_s

    _receive_slices(count, receive)


def send_zmq(address: str, count: int, _size: int) -> None:
    import zmq

    outgoing = zmq.Context(io_threads=1).socket(zmq.PUB)
    outgoing.bind(f"ipc://{address}")
    say(ready=True)
    pack = _packer()
    _send_slices(count, lambda number, index: outgoing.send(pack(number, index)))


def receive_zmq(address: str, count: int, _size: int) -> None:
    import zmq

    incoming = zmq.Context(io_threads=1).socket(zmq.SUB)
    incoming.setsockopt(zmq.SUBSCRIBE, b"")
    incoming.setsockopt(zmq.RECONNECT_IVL, 10)
    incoming.connect(f"ipc://{address}")
    time.sleep(SETTLE_S)
    say(ready=True)
    _receive_slices(count, lambda: _unpack(incoming.recv()))


def _mqtt_client(address: str, role: str) -> Any:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    client = Client(CallbackAPIVersion.VERSION2, client_id=f"bench-{role}-{os.getpid()}")
    client.connect("127.0.0.1", int(address))
    return client


def send_mqtt(address: str, count: int, _size: int) -> None:
    client = _mqtt_client(address, "send")
    client.loop_start()
    say(ready=True)
    pack = _packer()
    _send_slices(count, lambda number, index: client.publish(TOPIC, pack(number, index), qos=0))


def receive_mqtt(address: str, count: int, _size: int) -> None:
    counter = SliceCounter(count)

    def on_message(_client: Any, _data: Any, received: Any) -> None:
        number, index, sent_s = _unpack(received.payload)
        counter.take(number, index, sent_s, boot_s())

    client = _mqtt_client(address, "receive")
    client.on_message = on_message
    client.on_subscribe = lambda *_: say(ready=True)
    client.subscribe(TOPIC, qos=0)
    client.loop_forever()


PEERS: dict[tuple[str, str], Callable[[str, int, int], None]] = {
    ("datagram", "send"): send_datagrams,
    ("datagram", "receive"): receive_datagrams,
    ("zmq", "send"): send_zmq,
    ("zmq", "receive"): receive_zmq,
    ("mqtt", "send"): send_mqtt,
    ("mqtt", "receive"): receive_mqtt,
}

if __name__ == "__main__":
    _transport, _role, _address, _count, _size = sys.argv[1:]
    PEERS[_transport, _role](_address, int(_count), int(_size))
