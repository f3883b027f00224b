"""The other end of `bench ocpp`: a WebSocket server that answers every CALL at once. Run as a child process.

Says {"port": N} when it listens. It looks only at the message id and the action, so that its own work stays small.
"""

import asyncio
import contextlib
import json
import time
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from chargectl.bench.slices import say

TIME = "%Y-%m-%dT%H:%M:%SZ"


def answer(action: str) -> dict[str, Any]:
    now = time.strftime(TIME, time.gmtime())
    accepted = {"status": "Accepted"}
    answers: dict[str, dict[str, Any]] = {
        "BootNotification": {**accepted, "currentTime": now, "interval": 300},
        "Heartbeat": {"currentTime": now},
        "StartTransaction": {"transactionId": 1, "idTagInfo": accepted},
    }
    return answers.get(action, {})


async def _talk(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for text in connection:
            frame = json.loads(text)
            await connection.send(json.dumps([3, frame[1], answer(frame[2])], separators=(",", ":")))


async def _serve() -> None:
    async with serve(
        _talk,
        "127.0.0.1",
        0,
        subprotocols=[Subprotocol("ocpp1.6")],
        compression=None,
        ping_interval=None,
    ) as server:
        say(port=next(iter(server.sockets)).getsockname()[1])
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
