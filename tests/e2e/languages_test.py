"""Programs in Python and in Go that wait for known reasons: the account must tell each, to 1 % and 1 ms.

What cannot be seen: Python's own functions (its frames are not the machine's), and how deep in them a thread waits, so that any
wait for a lock may pass for its main loop's; the function that waits for Go's mutex, as Go parks the goroutine and its thread waits
on another stack; waits of goroutines without a thread, as in time.Sleep and on sockets of package net.
"""

import concurrent.futures
import json
import os
import pathlib
import socket
import subprocess
import threading
import time
import unittest

import sonde_processes as sonde

SOURCES = pathlib.Path(__file__).resolve().parents[1] / "workloads"
SECONDS = 4  # measured; the programs wait for two of them
SHARE, NS = 0.01, 1e6
KINDS = {"sleep": {"sleep"}, "receive": {"receive"}, "lock": {"lock", "idle-lock"}}
NOT_BLOCKED = {"on-cpu", "run-queue", "preempted", "throttled"}
FAULTS = {"major-fault", "minor-fault"}
OUTSIDE = {"pipe"}  # before and after, for the test


class LateEcho:
    """A server that sends each byte back after ten milliseconds."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        try:
            peer, _ = self.listener.accept()
        except OSError:
            return  # closed before anybody came
        with peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while byte := peer.recv(1):
                time.sleep(0.01)
                peer.sendall(byte)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self.thread.join()
        self.listener.close()


class Languages(sonde.SondeTest):
    def start(self, command):
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def measure(self, command):
        """{kind: (the program's own [ns, switches], its waits by stack, {reason: ns} of its main thread)}."""
        agent = self.agent(self.collector().grpc, window="10s")
        echo = LateEcho()
        self.addCleanup(echo.close)
        processes = {kind: self.start([*command, kind, echo.port]) for kind in KINDS}
        agent.wait_until_tables_are_built()

        def ask(*words):
            said = sonde.agentctl(agent.socket, *words, "--duration", f"{SECONDS}s", "-o", "json")
            self.assertEqual(said.returncode, 0, said.stderr)
            return json.loads(said.stdout)

        with concurrent.futures.ThreadPoolExecutor() as pool:  # as many at once as the agent takes
            waits = {kind: pool.submit(ask, "waits", "--idle", "--limit", 1000, "--pid", process.pid)
                     for kind, process in processes.items()}
            account = pool.submit(ask, "account", "--by", "thread")
            time.sleep(1)
            for process in processes.values():
                process.stdin.write(b"\n")
                process.stdin.flush()
            books = {kind: json.loads(process.stdout.readline()) for kind, process in processes.items()}
            self.assertEqual([one.result() for one in (account, *waits.values()) if one.done()], [],
                             "the programs outlived the measurement: the machine is too busy")
        return {kind: (books[kind], waits[kind].result()["waits"], self.reasons_of(account.result(), processes[kind].pid))
                for kind in KINDS}

    @staticmethod
    def reasons_of(account, tid):
        (thread,) = [one for one in account["threads"] if int(one["tid"]) == tid]
        return {part["reason"]: int(part["ns"]) for part in thread["reasons"]}

    def judge(self, kind, truth_ns, reasons):
        """The main thread waited for its one reason, and for no other but the test."""
        found = sum(reasons.get(reason, 0) for reason in KINDS[kind])
        others = sum(ns for reason, ns in reasons.items() if reason not in KINDS[kind] | NOT_BLOCKED | OUTSIDE)
        print(f"{kind}: {found / 1e6:.3f} ms, truly {truth_ns / 1e6:.3f} ms, for others {others / 1e6:.3f} ms; {reasons}")
        self.assertGreater(truth_ns, 1.5e9, kind)
        self.assertAlmostEqual(found, truth_ns, delta=SHARE * truth_ns + NS, msg=kind)
        self.assertLess(others, SHARE * truth_ns + NS, reasons)

    def test_what_python_waits_for(self):
        for kind, (books, waits, reasons) in self.measure(["/usr/bin/python3", "-B", SOURCES / "planted_waits.py"]).items():
            self.judge(kind, books[0], reasons)
            if kind != "lock":  # the other thread waits for locks too
                count = sum(int(wait["count"]) for wait in waits if wait["reason"] in KINDS[kind])
                # On a machine that never ran this Python, it may meet code that is not in memory yet; its books call that a wait.
                faults = sum(int(wait["count"]) for wait in waits if wait["reason"] in FAULTS)
                print(f"{kind}: {count} waits and {faults} for memory, truly {books[1]} switches")
                self.assertLessEqual(count, books[1])
                self.assertLessEqual(books[1], count + faults)

    def test_what_go_waits_for(self):
        program = self.folder / "planted_waits"
        environment = dict(os.environ, CGO_ENABLED="0", GOFLAGS="-buildvcs=false", GO111MODULE="off",
                           GOCACHE=str(sonde.BUILD / "tests/cfi_rows/go_cache"))
        environment.pop("LD_PRELOAD", None)
        subprocess.run(["go", "build", "-o", program, SOURCES / "planted_waits.go"], check=True, env=environment)
        for kind, (books, waits, reasons) in self.measure([program]).items():
            self.judge(kind, books[0], reasons)
            if kind != "lock":
                function = {"sleep": "main.sleepInTheKernel", "receive": "main.receiveInTheKernel"}[kind]
                inside = [wait for wait in waits if wait["reason"] not in NOT_BLOCKED
                          and any(frame["function"] == function for frame in wait["stack"])]
                self.assertEqual({wait["reason"] for wait in inside}, {kind})
                # Go lets others run every 10 ms: the main thread, bound to its goroutine, then waits for its turn, or for a lock of
                # Go's scheduler, in books or not. Its watchdog waits for that lock, too, on a thread of its own.
                functions = [(wait, {frame["function"] for frame in wait["stack"]}) for wait in waits]
                turns = sum(int(wait["count"]) for wait, names in functions
                            if names & {"runtime.stoplockedm", "runtime.lock2"} and "runtime.sysmon" not in names)
                count = sum(int(wait["count"]) for wait in inside)
                print(f"{kind}: {count} waits and {turns} for Go's scheduler, truly {books[1]} switches")
                self.assertLessEqual(count, books[1])
                self.assertLessEqual(books[1], count + turns)
                self.assertAlmostEqual(sum(int(wait["ns"]) for wait in inside), books[0], delta=SHARE * books[0] + NS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
