"""The least a loop with deadlines can be: sleeps to the next 10 ms and notes how late it woke. Run as a child process.

python -m chargectl.bench.lateness PRIORITY      (0: ordinary scheduling); "stop" on standard input ends it
"""

import gc
import os
import select
import sys
import time

from chargectl.bench.figures import quantile
from chargectl.bench.slices import boot_s, say

PERIOD_S = 0.010

if __name__ == "__main__":
    _priority = int(sys.argv[1])
    if _priority:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_priority))
    gc.disable()
    say(ready=True)
    _late_s: list[float] = []
    _next_s = boot_s() + PERIOD_S
    while not select.select([0], [], [], 0)[0]:
        time.sleep(max(0.0, _next_s - boot_s()))
        _now_s = boot_s()
        _late_s.append(_now_s - _next_s)
        _next_s = max(_next_s, _now_s - PERIOD_S) + PERIOD_S
    say(p99_s=quantile(_late_s, 0.99), worst_s=max(_late_s))
