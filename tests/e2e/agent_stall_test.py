"""An agent that hangs: its programs take nothing from the host, and what it missed is told when it runs again."""

import json
import os
import signal
import subprocess
import time
import unittest

import known_loads
import sonde_processes as sonde

PATIENCE = 3  # seconds; bpf/abi/tables.h


class Stall(sonde.SondeTest):
    def counters(self, agent):
        """What the agent's programs have counted so far, straight from their maps."""
        found = []
        for kind, number in sorted(agent.bpf_objects()):
            if kind != "map":
                continue
            shown = json.loads(subprocess.run(["bpftool", "-j", "map", "show", "id", str(number)], capture_output=True,
                                              text=True, check=True).stdout)
            if shown["name"] == "counters":
                found.append(subprocess.run(["bpftool", "-j", "map", "dump", "id", str(number)], capture_output=True,
                                            check=True).stdout)
        self.assertEqual(len(found), 5, "the programs of sampling, of the scheduler, of faults, of disks and of connections count")
        return found

    def test_programs_of_a_hanging_agent_do_nothing_and_it_goes_on_after_that(self):
        agent = self.agent(self.collector().grpc, window="10s")
        load = known_loads.Load(self.folder, "spinners", 22, 3)
        self.addCleanup(load.discard)
        time.sleep(1)
        running = self.counters(agent)
        time.sleep(0.5)
        self.assertNotEqual(self.counters(agent), running)
        os.kill(agent.pid, signal.SIGSTOP)
        try:
            time.sleep(PATIENCE + 1)
            silent = self.counters(agent)
            time.sleep(1.5)
            self.assertEqual(self.counters(agent), silent)
        finally:
            os.kill(agent.pid, signal.SIGCONT)
        time.sleep(1)
        account = json.loads(sonde.agentctl(agent.socket, "account", "--duration", "4s", "-o", "json").stdout)
        (own,) = [one for one in account["processes"] if int(one["pid"]) == load.pid]
        print({key: own[key] for key in ("wall_ns", "on_cpu_ns", "run_queue_ns", "unexplained_ns")})
        # Three of its four threads spin all the while, on a CPU or waiting for one.
        self.assertGreater(int(own["on_cpu_ns"]), 0)
        self.assertAlmostEqual(int(own["on_cpu_ns"]) + int(own["run_queue_ns"]), 0.75 * int(own["wall_ns"]),
                               delta=0.01 * int(own["wall_ns"]))
        self.assertLess(abs(int(own.get("unexplained_ns", 0))), 0.005 * int(own["wall_ns"]))
        losses = {loss["cause"]: int(loss["count"]) for loss in agent.status()["losses"]}
        self.assertGreater(losses["agent_stalled"], 1000)
        load.finish()


if __name__ == "__main__":
    unittest.main(verbosity=2)
