"""A client that waits for a queue, a worker, another process and a timer in turn: agentctl waits --chains must tell each hop, in
order, with the function in which it woke the next and the time that it took, to 1 % and 1 ms."""

import json
import subprocess
import time
import unittest

import known_loads
import sonde_processes as sonde

SECONDS = 8  # of the measurement
LOAD_SECONDS = 4
SHARE, NS = 0.01, 1e6
# From the client back: thread, and the function in which it woke the one before.
HOPS = (("queue", "ReplyToClient"), ("worker", "ReplyToQueue"), ("sleeper", "AnswerThroughPipe"))


def has(stack, function):
    return any(frame["function"].startswith(f"planted::{function}(") for frame in stack)


class WakeChains(sonde.SondeTest):
    def measure(self):
        """The client's chains, and the load that lived meanwhile."""
        agent = self.agent(self.collector().grpc, window="10s")
        known_loads.Load(self.folder, "planted_chain", 1).finish()
        agent.wait_until_tables_are_built()
        asked = subprocess.Popen([sonde.AGENTCTL, "--socket", agent.socket, "waits", "--chains", "--limit", "1000", "--duration",
                                  f"{SECONDS}s", "-o", "json"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(asked.stdout.close)
        time.sleep(1)
        load = known_loads.Load(self.folder, "planted_chain", LOAD_SECONDS)
        self.addCleanup(load.discard)
        load.finish()
        self.assertIsNone(asked.poll(), "the load outlived the measurement: the machine is too busy")
        reply = json.loads(asked.communicate(timeout=sonde.PATIENCE)[0])
        waits = [one for one in reply["waits"] if one["process"] == "planted_chain" and has(one["stack"], "AskAndWait")]
        return [chain for one in waits for chain in one["chains"]], load

    def expect_hops(self, chains):
        for chain in chains:
            hops = chain["hops"]
            for i, (thread, function) in enumerate(HOPS):
                self.assertEqual(hops[i]["thread"], thread, chain)
                self.assertTrue(has(hops[i]["stack"], function), hops[i])
            self.assertEqual(hops[0]["process"], "planted_chain", chain)
            # The timer, unless the interrupt came while a thread ran that the kernel hides from BPF.
            self.assertLessEqual(len(hops), 4, chain)
            self.assertTrue(all(one["is_interrupt"] for one in hops[3:]), chain)

    def expect_time(self, what, ns, truth):
        print(f"{what}: {ns / 1e6:.3f} ms, truly {truth / 1e6:.3f} ms")
        self.assertAlmostEqual(ns, truth, delta=SHARE * truth + NS, msg=what)

    def expect_rest(self, chains, whole, report, followed):
        """What comes before the worker: sleeper, timer and the way there, of which schedulers take what they like. The client
        waited before the sleeper slept, and began to after it had asked."""
        rest = sum(int(chain["ns"]) - sum(int(hop["ns"]) for hop in chain["hops"][:2]) for chain in chains)
        least, most = report["sleeper_ns"] + report["timer_ns"], report["until_sleeper_ns"]
        timer, least_timer = sum(int(chain["hops"][3]["ns"]) for chain in whole), report["timer_ns"] * followed / report["rounds"]
        told = sum(int(hop["ns"]) for chain in whole for hop in chain["hops"][2:])
        print(f"before the worker: {rest / 1e6:.3f} ms, truly {least / 1e6:.3f} to {most / 1e6:.3f} ms; "
              f"timer: {timer / 1e6:.3f} ms, set to {least_timer / 1e6:.3f} ms; with the sleeper {told / 1e6:.3f} ms")
        self.assertGreater(rest, (1 - SHARE) * least - NS)
        self.assertLess(rest, (1 + SHARE) * most + NS)
        self.assertGreater(timer, (1 - SHARE) * least_timer - NS)
        self.assertLessEqual(told, (1 + SHARE) * most + NS)

    def test_hops_are_told_in_order_with_function_count_and_time(self):
        chains, load = self.measure()
        rounds = load.report["rounds"]
        print(f"{rounds} rounds, in chains: {[(chain['count'], len(chain['hops'])) for chain in chains]}")
        self.expect_hops(chains)
        self.assertEqual(sum(int(chain["count"]) for chain in chains), rounds)
        whole = [chain for chain in chains if len(chain["hops"]) == 4]
        followed = sum(int(chain["count"]) for chain in whole)
        print(f"{rounds} rounds, {followed} followed to the timer")
        self.assertGreater(followed, 0.5 * rounds)
        for i in (0, 1):
            thread = HOPS[i][0]
            self.expect_time(thread, sum(int(chain["hops"][i]["ns"]) for chain in chains), load.report[f"{thread}_ns"])
        self.expect_rest(chains, whole, load.report, followed)


if __name__ == "__main__":
    unittest.main(verbosity=2)
