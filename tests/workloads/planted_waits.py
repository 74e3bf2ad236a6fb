"""planted_waits.py KIND [PORT]: on a line from standard input its main thread blocks for two seconds, for one reason only, and
prints what the kernel's own books say of it: [nanoseconds neither on a CPU nor in the run queue, switches that the thread asked for].

All waits are measured at once. That takes in those for the interpreter's own lock, where there are two threads: they are waits
for a lock too. PORT is of 127.0.0.1, where somebody answers each byte after a while.
"""

import json
import os
import resource
import socket
import sys
import threading
import time

SECONDS = 2
NAP = 0.01


class Books:
    """Of the calling thread, from here on."""

    def __init__(self):
        self.before = self.read()

    @staticmethod
    def run_queue_ns():
        with open("/proc/thread-self/schedstat", "rb") as file:
            return int(file.read().split()[1])

    @classmethod
    def read(cls):
        """All of one instant: once more when the thread lost its CPU meanwhile."""
        run_queue_ns = cls.run_queue_ns()
        while True:
            clock_ns, cpu_ns = time.monotonic_ns(), time.thread_time_ns()
            switches = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
            after_ns = cls.run_queue_ns()
            if after_ns == run_queue_ns:
                return clock_ns - cpu_ns - run_queue_ns, switches
            run_queue_ns = after_ns

    def close(self):
        print(json.dumps([after - before for after, before in zip(self.read(), self.before)]), flush=True)


def sleep(deadline):
    mine = Books()
    while time.monotonic() < deadline:
        time.sleep(NAP)
    mine.close()


def receive(deadline):
    """Half of its waits have a time limit: Python calls poll() then."""
    with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        mine = Books()
        while time.monotonic() < deadline:
            for limit in (None, 10):
                peer.settimeout(limit)
                peer.sendall(b"x")
                peer.recv(1)
        mine.close()


def lock(deadline):
    """Another thread takes the lock, says so, and holds it for a while."""
    mutex, go, ready = threading.Lock(), threading.Lock(), threading.Lock()
    go.acquire()
    ready.acquire()

    def hold():
        while True:
            go.acquire()
            with mutex:
                ready.release()
                time.sleep(NAP)

    threading.Thread(target=hold, daemon=True).start()
    mine = Books()
    while time.monotonic() < deadline:
        go.release()
        ready.acquire()
        with mutex:
            pass
    mine.close()


if __name__ == "__main__":
    sys.stdin.readline()
    {"sleep": sleep, "receive": receive, "lock": lock}[sys.argv[1]](time.monotonic() + SECONDS)
    sys.stdin.readline()
    os._exit(0)
