"""Connections that are waited for, polled for, refused, held up and given up: agentctl peers must tell each with its peer, the
function that connected, its count, and no more time than the program itself saw pass."""

import json
import socket
import subprocess
import sys
import time
import unittest

import known_loads
import sonde_processes as sonde

SECONDS = 9  # of the measurement
LOAD_SECONDS = 4
LOAD = "planted_connects"
# The kernel asks again for a connection that nobody answered; less a tick of its timer.
FIRST_RETRY_NS = 1e9 - 1e7
ROUNDS = 20

# Without waiting in connect(), as servers do.
CLIENT = """
import selectors, socket, sys
for _ in range(int(sys.argv[2])):
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(("127.0.0.1", int(sys.argv[1])))
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_WRITE)
        selector.select()
    client.close()
"""


class Connects(sonde.SondeTest):
    def ask(self, agent):
        asked = subprocess.Popen([sonde.AGENTCTL, "--socket", agent.socket, "peers", "--limit", "1000", "--duration",
                                  f"{SECONDS}s", "-o", "json"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(asked.stdout.close)
        time.sleep(1)
        return asked

    def connects(self, asked):
        self.assertIsNone(asked.poll(), "the load outlived the measurement: the machine is too busy")
        return json.loads(asked.communicate(timeout=sonde.PATIENCE)[0]).get("connects", [])

    def sums_of(self, connects, report, name, function):
        """Of all lines with that port and function."""
        found = [one for one in connects if one.get("port") == report[f"{name} port"] and one["address"] == "127.0.0.1" and
                 one["process"] == LOAD and any(frame["function"].startswith(f"planted::{function}(") for frame in one["stack"])]
        keys = ("count", "ns", "refused", "timed_out", "unreachable", "given_up", "under_way")
        sums = {key: sum(int(one.get(key, 0)) for one in found) for key in keys}
        sums["longest_ns"] = max([int(one.get("longest_ns", 0)) for one in found], default=0)
        print(f"{name}: {sums}, truly {report[f'{name} count']} in {report[f'{name} ns'] / 1e6:.3f} ms")
        return sums

    def expect_established(self, connects, report, name, function):
        sums = self.sums_of(connects, report, name, function)
        self.assertEqual(sums["count"], report[f"{name} count"], name)
        self.assertEqual(sum(sums[key] for key in ("refused", "timed_out", "unreachable", "given_up", "under_way")), 0, name)
        self.assertGreater(sums["ns"], 0, name)
        self.assertLessEqual(sums["ns"], report[f"{name} ns"], name)
        self.assertLessEqual(sums["longest_ns"], report[f"{name} longest"], name)
        return sums

    def expect_failed(self, connects, report, name, function, failure):
        sums = self.sums_of(connects, report, name, function)
        self.assertEqual(sums[failure], report[f"{name} count"], name)
        self.assertEqual(sums["count"] + sums["under_way"], 0, name)

    def test_connections_are_told_with_peer_function_count_and_how_they_ended(self):
        agent = self.agent(self.collector().grpc, window="10s")
        known_loads.Load(self.folder, LOAD, 1).finish()
        agent.wait_until_tables_are_built()
        asked = self.ask(agent)
        load = known_loads.Load(self.folder, LOAD, LOAD_SECONDS)
        self.addCleanup(load.discard)
        report = load.finish().report
        connects = self.connects(asked)
        self.expect_established(connects, report, "waited", "ConnectAndWait")
        self.expect_established(connects, report, "polled", "BeginToConnect")
        self.assertGreater(self.expect_established(connects, report, "full", "BeginToConnect")["ns"], FIRST_RETRY_NS)
        self.expect_failed(connects, report, "refused", "ConnectAndWait", "refused")
        self.expect_failed(connects, report, "given up", "BeginAndClose", "given_up")

    def test_a_python_client_that_does_not_block_is_told_too(self):
        agent = self.agent(self.collector().grpc, window="10s")
        asked = self.ask(agent)
        with socket.create_server(("127.0.0.1", 0), backlog=2 * ROUNDS) as listener:
            port = listener.getsockname()[1]
            # One that does not end: nobody takes what is in this queue.
            with socket.create_server(("127.0.0.1", 0), backlog=0) as busy:
                first, hanging = socket.create_connection(busy.getsockname()), socket.socket()
                self.addCleanup(first.close)
                self.addCleanup(hanging.close)
                hanging.setblocking(False)
                hanging.connect_ex(busy.getsockname())
                subprocess.run([sys.executable, "-c", CLIENT, str(port), str(ROUNDS)], check=True, timeout=sonde.PATIENCE)
                connects = self.connects(asked)
                hangs = [one for one in connects if one.get("port") == busy.getsockname()[1]]
        told = [one for one in connects if one.get("port") == port]
        print(f"{ROUNDS} connections, told: {[(one['process'], one['count'], one['p50_ns']) for one in told]}")
        self.assertEqual(sum(int(one["count"]) for one in told), ROUNDS)
        self.assertTrue(all(one["process"].startswith("python3") for one in told), told)
        self.assertEqual(sum(int(one.get("under_way", 0)) for one in hangs), 1, hangs)


if __name__ == "__main__":
    unittest.main(verbosity=2)
