"""The least a supervised Python process can be: it says that it runs, and waits."""

import os
import signal
import socket
import sys
import time

if __name__ == "__main__":
    _told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    _stamp_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    _told.sendto(f"{sys.argv[1]} {os.getpid()} {_stamp_s!r}".encode(), sys.argv[2])
    while True:
        signal.pause()
