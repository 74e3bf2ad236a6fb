"""agentctl query, open and config: what the collector has, the page that shows it, and the agent's settings with their origins."""

import json
import os
import re
import shutil
import subprocess
import time
import unittest
import urllib.parse

import pprof_file
import sonde_processes as sonde


# Sleeps at one place, most of them briefly; tells the lengths of all as it saw them.
NAPS = """import time
lengths = []
for n in range(600):
    begun = time.monotonic_ns()
    time.sleep(0.1 if n % 30 == 0 else 0.001)
    lengths.append(time.monotonic_ns() - begun)
print(*lengths)
"""


class Stored(sonde.SondeTest):
    def ask(self, *words, code=0, environment=None):
        done = subprocess.run([str(sonde.AGENTCTL), "--color", "never", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=sonde.PATIENCE, env={**os.environ, **(environment or {})})
        out, err = done.stdout, done.stderr.decode()
        self.assertEqual(done.returncode, code, err)
        return out if words[-1] == "pprof" else out.decode() if code == 0 else err

    def query(self, *words, code=0):
        return self.ask("query", *words[:1], "--collector", self.store.http, *words[1:], code=code)

    def test_what_is_stored_is_told_as_the_collector_has_it(self):
        self.store = self.collector()
        agent = self.agent(self.store.grpc, window="1s")
        sonde.wait_until("for a profile", lambda: self.store.series("wall"))
        agent.stop()  # so that nothing more comes
        begun = json.loads(self.store.fetch("/api/v1/kinds"))["kinds"][0]["first_ms"] // 1000 - 1
        span = ("--kind", "wall", "--from", begun)
        top = json.loads(self.query("top", *span, "-o", "json"))
        truth = json.loads(self.store.fetch("/api/v1/top", kind="wall", limit=20, **{"from": begun * 1000}))
        self.assertEqual(top["functions"], truth["functions"])
        self.assertGreater(top["total"], 0)
        text = self.query("top", *span)
        print(text)
        self.assertIn(truth["functions"][0]["function"], text)
        self.assertIn("| SELF | % |", self.query("top", *span, "--limit", "3", "-o", "md").replace("--- ", ""))
        everything = json.loads(self.query("timeline", *span, "--by", "reason", "--limit", "100", "-o", "json"))
        self.assertEqual(sum(one["total"] for one in everything["series"]), top["total"])
        self.assertRegex(self.query("timeline", *span, "--by", "reason"), r"FROM +\S+ +")
        self.assertIn("service_name\n", self.query("values", *span))
        self.assertIn("sonde-agent\n", self.query("values", *span, "--by", "process"))
        self.assertRegex(self.query("kinds", "--from", begun), r"wall +.*wall +")
        only = pprof_file.decode(self.query("top", *span, "--query", 'process="sonde-agent"', "-o", "pprof"))
        self.assertEqual({sample.labels["process"] for sample in only.samples}, {"sonde-agent"})

        self.query("top", "--since", "1s", "--to", "2020-01-01", code=1)  # nothing there
        self.assertIn("--query", self.query("top", "--query", "{x", code=2))
        self.assertIn("--from", self.query("top", "--from", "soon", code=2))
        self.assertIn("SONDE_COLLECTOR", self.ask("query", "--collector", "127.0.0.1:1", code=3))
        by_environment = {"SONDE_COLLECTOR": self.store.http}
        self.assertIn("wall", self.ask("query", "kinds", "--from", begun, environment=by_environment))
        self.ask("query", "--collector", "127.0.0.1:1", environment=by_environment, code=3)  # a flag is stronger

    def test_percentiles_of_waits_are_those_of_all_of_them(self):
        """Where short waits and long ones share a stack, its mean is neither."""
        self.store = self.collector()
        agent = self.agent(self.store.grpc, window="1s")
        program = shutil.copy("/usr/bin/python3", self.folder / "napper")  # a process is named by its program
        naps = subprocess.run([program, "-c", NAPS], capture_output=True, text=True, timeout=sonde.PATIENCE, check=True,
                              env={**os.environ, "PYTHONHOME": "/usr"})
        lengths = sorted(map(int, naps.stdout.split()))
        agent.stop()
        which = {"query": '{process="napper"}', "from": (int(time.time()) - 60) * 1000}
        told = {row["value"]: row for row in json.loads(self.store.fetch("/api/v1/waits", **which))["rows"]}["sleep"]
        print(told, f"truly {lengths[300]}, {lengths[-7]}, {lengths[-1]}")
        self.assertTrue(told["counted"])
        self.assertAlmostEqual(told["waits"], len(lengths), delta=2)  # the interpreter's own
        for found, truth in ((told["p50"], lengths[300]), (told["p99"], lengths[-7]), (told["max"], lengths[-1])):
            self.assertTrue(truth / 2 <= found <= 2 * truth, (found, truth))
        heat = json.loads(self.store.fetch("/api/v1/heatmap", **which))
        rows = {low: sum(waits) for low, waits in zip(heat["low"], heat["waits"])}
        self.assertTrue(heat["counted"])
        self.assertAlmostEqual(sum(waits for low, waits in rows.items() if low >= 2**26), 20, delta=2)
        a_stack = json.loads(self.store.fetch("/api/v1/waits", focus="sleep", **which))["rows"][0]
        self.assertFalse(a_stack["counted"])

    def test_the_page_is_named_that_shows_a_selection(self):
        url = self.ask("open", "--collector", "h:1", "--kind", "offcpu", "--query", '{service_name="a&b"}', "--from", "1800000000", "--to",
                       "1800000600").strip()
        self.assertTrue(url.startswith("http://h:1/?"), url)
        self.assertEqual(urllib.parse.parse_qs(urllib.parse.urlparse(url).query),
                         {"kind": ["offcpu"], "labels": ['service_name="a&b"'], "from": ["1800000000000"], "to": ["1800000600000"]})

    def test_each_setting_is_told_with_its_origin(self):
        file = self.folder / "agent.yaml"
        file.write_text("export: []\nlog:\n  level: debug\n")
        shown = self.ask("config", "show", file, environment={"SONDE_SOURCES_CPU_RATE": "49Hz"})
        self.assertRegex(shown, rf"log\.level +debug +{re.escape(str(file))}:3\n")
        self.assertRegex(shown, r"sources\.cpu\.rate +49Hz +environment variable SONDE_SOURCES_CPU_RATE\n")
        self.assertRegex(shown, r"window +1m +default\n")
        agent = self.agent("", window="10s", flags=("--config", file))
        running = json.loads(self.ask("--socket", agent.socket, "config", "-o", "json"))["settings"]
        settings = {one["key"]: (one["value"], one["origin"]) for one in running}
        self.assertEqual(settings["window"], ("10s", "--window"))
        self.assertEqual(settings["log.level"], ("debug", f"{file}:3"))
        self.assertEqual(settings["export"], ("[]", f"{file}:1"))

        self.assertIn("can use it", self.ask("config", "check", file))
        file.write_text("log:\n  levle: warn\n")
        self.assertIn(f"{file}:2: unknown key 'levle'. Did you mean 'level'?", self.ask("config", "check", file, code=1))


if __name__ == "__main__":
    unittest.main()
