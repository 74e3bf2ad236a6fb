"""Programs that wait for known peers and locks: agentctl waits, peers and locks must tell each, to 1 % and 1 ms."""

import json
import os
import pathlib
import socket
import struct
import subprocess
import tempfile
import time
import unittest

import known_loads
import sonde_processes as sonde

SECONDS = 9  # of the measurements
LOAD_SECONDS = 4
SHARE, NS = 0.01, 1e6
LOAD = "planted_reasons"
# As in a container: its threads know each other by ids that the host has for others.
IN_A_PID_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child")


def has(stack, function):
    return any(frame["function"].startswith(f"planted::{function}(") for frame in stack)


class OtherSide(sonde.SondeTest):
    def measure(self, *verbs):
        """{verb: its reply} and {group: load that lived meanwhile}."""
        agent = self.agent(self.collector().grpc, window="10s")
        disk = self.enterContext(tempfile.TemporaryDirectory(prefix="sonde-e2e-", dir="/var/tmp"))
        known_loads.Load(self.folder, LOAD, 1, disk, "peers").finish()
        agent.wait_until_tables_are_built()
        asked = {verb: subprocess.Popen([sonde.AGENTCTL, "--socket", agent.socket, verb, "--idle", "--limit", "1000", "--duration",
                                         f"{SECONDS}s", "-o", "json"], stdout=subprocess.PIPE, text=True) for verb in verbs}
        for one in asked.values():
            self.addCleanup(one.stdout.close)
        time.sleep(1)
        loads = {group: known_loads.Load(self.folder, LOAD, LOAD_SECONDS, disk, group, started_by=started_by)
                 for group, started_by in (("peers", ()), ("locks", IN_A_PID_NAMESPACE))}
        for load in loads.values():
            self.addCleanup(load.discard)
        for load in loads.values():
            load.finish()
        self.assertTrue(all(one.poll() is None for one in asked.values()), "the load outlived it: the machine is too busy")
        replies = {}
        for verb, one in asked.items():
            replies[verb] = json.loads(one.communicate(timeout=sonde.PATIENCE)[0])
            self.assertEqual(one.returncode, 0)
            self.assertNotIn("map_full", [loss["cause"] for loss in replies[verb].get("losses", [])])
        return replies, loads

    def expect(self, what, found, report, function, reason):
        """Count and time of the lines that were found against the load's own books."""
        truth, count = report[f"planted::{function} {reason}"], report[f"planted::{function} count"]
        ns, waits = sum(int(one["ns"]) for one in found), sum(int(one["count"]) for one in found)
        print(f"{what} {function}: {ns / 1e6:.3f} ms in {waits} waits, truly {truth / 1e6:.3f} ms in {count}")
        self.assertEqual(waits, count, f"{what} {function}")
        self.assertAlmostEqual(ns, truth, delta=SHARE * truth + NS, msg=f"{what} {function}")

    def expect_peers(self, peers, load):
        for function, reason in (("ReceiveAnswer", "receive"), ("PollForAnswer", "receive"), ("SendToFull", "send")):
            with_port = [one for one in peers if one.get("port") == load.report[f"planted::{function} port"] and
                         one["reason"] == reason and one["address"] == "127.0.0.1"]
            self.expect("peer of", with_port, load.report, function, reason)
        connects = [one for one in peers if one["reason"] == "connect"]
        self.assertEqual({one["address"] for one in connects}, {"127.0.0.1"})
        self.expect("peers of", connects, load.report, "ConnectToFull", "connect")
        self.expect("peer of", [one for one in peers if one["role"] == "unix" and one.get("peer_pid") == load.pid], load.report,
                    "ReadFromUnixSocket", "unix-socket")
        listening = [one for one in peers if one["reason"] == "accept" and has(one["stack"], "AcceptPeer")]
        self.assertEqual({one["role"] for one in listening}, {"listener"})
        self.expect("listeners of", listening, load.report, "AcceptPeer", "accept")

    def expect_locks(self, locks, load):
        for function, kind in (("TakeMutex", "futex"), ("TakeReadWriteLock", "futex"), ("WaitForCondition", "futex"),
                               ("WaitForSemaphore", "futex"), ("WriteTogether", "rwsem write")):
            found = [one for one in locks if has(one["stack"], function) and one["kind"] == kind]
            self.expect(kind, found, load.report, function, "kernel-lock" if kind != "futex" else "lock")
            # A condition variable of the C library has two words to sleep on, in turn.
            addresses = {int(one["address"]) for one in found}
            self.assertLess(max(addresses) - min(addresses), 48 if function == "WaitForCondition" else 1, function)
            owned = sum(int(owner["ns"]) for one in found for owner in one.get("owners", []) if owner["process"] == LOAD)
            self.assertGreater(owned, 0.95 * sum(int(one["ns"]) for one in found), f"{function}: {found}")

    def expect_holds(self, locks):
        """One waiter, who begins to wait when the lock is held already: the owner holds it from before then to the end."""
        (mutex,) = [one for one in locks if has(one["stack"], "TakeMutex")]
        for waker in mutex["wakers"]:
            print(f"TakeMutex: {waker['count']} ends looked at, {waker.get('held_count')} holds of {waker.get('held_ns')} ns at least, "
                  f"waits {waker['ns']} ns")
            self.assertEqual(waker["held_count"], waker["count"])
            self.assertAlmostEqual(int(waker["held_ns"]), int(waker["ns"]), delta=SHARE * int(waker["ns"]))
            self.assertLessEqual(int(waker["longest_held_ns"]), int(mutex["longest_ns"]) + NS)
        for function in ("TakeReadWriteLock", "WaitForCondition", "WaitForSemaphore"):
            holds = [int(waker["held_count"]) for one in locks if has(one["stack"], function) for waker in one["wakers"]]
            self.assertEqual(sum(holds), 0, function)  # nothing names an owner

    def expect_wakers(self, waits):
        for function, releases in (("TakeMutex", "Holder"), ("WaitForCondition", "Later"), ("LockFile", "Holder")):
            (wait,) = [one for one in waits if one["reason"] == "lock" and has(one["stack"], function)]
            wakers = wait["wakers"]
            looked = sum(int(one["ns"]) for one in wakers)
            right = sum(int(one["ns"]) for one in wakers if one["process"] == LOAD and any(
                f"planted::{releases}::" in frame["function"] for frame in one["stack"]))
            print(f"{function}: {right / 1e6:.1f} ms of {looked / 1e6:.1f} ms looked at was ended by {releases}")
            self.assertGreater(looked, 0)
            self.assertGreater(right, 0.95 * looked, f"{function}: {wakers}")

    def test_each_wait_has_its_peer_or_lock_and_who_ended_it(self):
        replies, loads = self.measure("waits", "peers", "locks")
        of_load = {verb: [one for one in reply[verb] if one.get("process") == LOAD] for verb, reply in replies.items()}
        self.expect_peers(of_load["peers"], loads["peers"])
        self.expect_locks(of_load["locks"], loads["locks"])
        self.expect_holds(of_load["locks"])
        self.expect_wakers(of_load["waits"])

    def test_a_lock_held_all_the_while_is_told_with_its_owner(self):
        agent = self.agent(self.collector().grpc, window="10s")
        agent.wait_until_tables_are_built()
        for started_by in ((), IN_A_PID_NAMESPACE):
            self.addCleanup(known_loads.Load(self.folder, "stuck_lock", sonde.PATIENCE, started_by=started_by).discard)
        time.sleep(3)  # they wait by then, and the agent knows their mappings
        reply = json.loads(sonde.agentctl(agent.socket, "locks", "--duration", "2s", "--limit", "1000", "-o", "json").stdout)
        waiting = [one for one in reply["locks"] if has(one["stack"], "WaitForever")]
        self.assertEqual(len(waiting), 2, reply)
        for one in waiting:
            self.assertAlmostEqual(int(one["ns"]), int(reply["duration_ns"]), delta=0.02 * int(reply["duration_ns"]))
            self.assertEqual([owner["thread"] for owner in one["owners"]], ["holds-it"])
        owners = {int(one["owners"][0]["tid"]) for one in waiting}
        self.assertEqual({pathlib.Path(f"/proc/{tid}/comm").read_text() for tid in owners}, {"holds-it\n"})
        self.assertEqual(len(owners), 2)


# In a namespace where nobody answers: tries to connect for a while, then says how often the kernel sent again.
SILENT_PEER = "10.123.0.2"
CONNECT_TO_NOBODY = f"""
import socket
client = socket.socket()
client.settimeout(3.5)
try:
    client.connect(("{SILENT_PEER}", 4321))
except TimeoutError:
    pass
names, values = [line.split() for line in open("/proc/net/snmp") if line.startswith("Tcp:")]
print(dict(zip(names, values))["RetransSegs"])
"""


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=sonde.PATIENCE).stdout


class Connections(sonde.SondeTest):
    def ask(self, agent, seconds):
        asked = subprocess.Popen([sonde.AGENTCTL, "--socket", agent.socket, "peers", "--limit", "1000", "--duration",
                                  f"{seconds}s", "-o", "json"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(asked.stdout.close)
        time.sleep(1)
        return asked

    def peers(self, asked):
        return json.loads(asked.communicate(timeout=sonde.PATIENCE)[0])["peers"]

    def reset_connections(self, count):
        """Connections of 127.0.0.1 that are reset by who took them. Gives their port."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            for _ in range(count):
                client = socket.create_connection(listener.getsockname())
                server, _ = listener.accept()
                server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                server.close()
                self.assertRaises(ConnectionResetError, client.recv, 1)
                client.close()
            return listener.getsockname()[1]

    def connect_to_nobody(self):
        """Gives the kernel's own count of retransmits."""
        namespace = f"sonde-e2e-{os.getpid()}"
        run("ip", "netns", "add", namespace)
        self.addCleanup(run, "ip", "netns", "delete", namespace)
        inside = ("ip", "-n", namespace)
        run(*inside, "link", "add", "here", "type", "veth", "peer", "name", "nowhere")
        run(*inside, "address", "add", "10.123.0.1/24", "dev", "here")
        for end in ("here", "nowhere"):
            run(*inside, "link", "set", end, "up")
        run(*inside, "neighbour", "add", SILENT_PEER, "lladdr", "02:00:00:00:00:02", "dev", "here")
        return int(run("ip", "netns", "exec", namespace, "python3", "-c", CONNECT_TO_NOBODY))

    def test_retransmits_and_resets_are_told_by_peer(self):
        agent = self.agent(self.collector().grpc, window="10s")
        asked = self.ask(agent, 6)
        port = self.reset_connections(5)
        retransmits = self.connect_to_nobody()
        self.assertGreater(retransmits, 0)
        peers = self.peers(asked)
        self.assertEqual(sum(int(one["resets_received"]) for one in peers if one["port"] == port), 5, peers)
        silent = [one for one in peers if one["address"] == SILENT_PEER and one["port"] == 4321]
        print(f"{retransmits} retransmits by the kernel's count, told: {[one['retransmits'] for one in silent]}")
        self.assertEqual(sum(int(one["retransmits"]) for one in silent), retransmits)
        # Who waited for it, and for what.
        self.assertEqual([(one["process"][:7], one["reason"]) for one in silent if one["reason"]], [("python3", "connect")], silent)


if __name__ == "__main__":
    unittest.main(verbosity=2)
