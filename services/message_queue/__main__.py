"""`python -m services.message_queue`: what one station has to tell its backend."""

import sys

from services.message_queue.station import ASKS, HEARS, MessageQueue
from services.message_queue.storage.store import opener
from services.runner import Context, Plan, path_of_store, run


def build(context: Context) -> MessageQueue:
    store = opener(path_of_store(context, "message_queue"))
    return MessageQueue(context.bus, context.station, context.start_id, store)


PLAN = Plan(owner="message_queue", hears=HEARS, asks=ASKS, build=build)

if __name__ == "__main__":
    sys.exit(run(PLAN))
