"""deploy/quickstart with the real programs, on ports and in folders of its own. Needs root.

The build tree is given by SONDE_BUILD; it must be built already, so that these tests take seconds.
"""

import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 60


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@unittest.skipUnless(os.geteuid() == 0, "the agent loads BPF programs: needs root")
class Quickstart(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.http, self.grpc = free_address(), free_address()
        self.output = self.folder / "output"

    def start(self, *arguments):
        environment = dict(os.environ, SONDE_STATE=str(self.folder / "state"), SONDE_RUN=str(self.folder / "run"))
        with open(self.output, "w") as output:
            quickstart = subprocess.Popen(
                [str(ROOT / "deploy/quickstart"), "--window", "2s", "--http-listen", self.http, "--grpc-listen", self.grpc,
                 *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment)
        self.addCleanup(lambda: (quickstart.poll() is None and quickstart.kill(), quickstart.wait()))
        return quickstart

    def said(self):
        return self.output.read_text()

    def wait_until_said(self, quickstart, words):
        deadline = time.monotonic() + PATIENCE
        while words not in self.said():
            self.assertIsNone(quickstart.poll(), self.said())
            self.assertLess(time.monotonic(), deadline, self.said())
            time.sleep(0.1)

    def programs(self):
        """The pids of our programs that run with this test's folder or ports."""
        mine = (str(self.folder), self.http)
        return [int(name) for name in os.listdir("/proc") if name.isdigit()
                and re.search(r"/sonde-(agent|collector) ", command_line(name)) and any(m in command_line(name) for m in mine)]

    def wait_until_programs_ended(self):
        deadline = time.monotonic() + PATIENCE
        while self.programs():
            self.assertLess(time.monotonic(), deadline, self.programs())
            time.sleep(0.1)

    def test_ends_by_itself_with_a_table_and_leaves_the_data(self):
        quickstart = self.start("--for", "5s")
        self.assertEqual(quickstart.wait(PATIENCE), 0, self.said())
        self.assertIn(f"http://{self.http}/", self.said())
        self.assertIn("sonde-agent", self.said().split("where this host's time went")[1])
        self.assertEqual(self.programs(), [])
        self.assertTrue(any((self.folder / "state/collector").iterdir()))

    def test_interrupting_it_stops_both_programs(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            quickstart = self.start()
            self.wait_until_said(quickstart, "following")
            self.assertEqual(len(self.programs()), 2)
            quickstart.send_signal(number)
            self.assertEqual(quickstart.wait(PATIENCE), 0, self.said())
            self.assertIn("stopped", self.said())
            self.assertEqual(self.programs(), [])

    def test_killing_it_takes_both_programs_along(self):
        quickstart = self.start()
        self.wait_until_said(quickstart, "following")
        quickstart.kill()
        quickstart.wait()
        self.wait_until_programs_ended()

    def test_a_port_in_use_names_the_flag(self):
        for flag, address in (("--http-listen", self.http), ("--grpc-listen", self.grpc)):
            host, port = address.split(":")
            with socket.create_server((host, int(port))):
                quickstart = self.start()
                self.assertEqual(quickstart.wait(PATIENCE), 1, self.said())
            self.assertIn(f"another program listens on {address}", self.said())
            self.assertIn(f"another address with {flag}", self.said())
            self.assertEqual(self.programs(), [])

    def test_a_second_one_in_the_same_place_is_refused(self):
        first = self.start()
        self.wait_until_said(first, "following")
        first_output, self.output = self.output, self.folder / "second"
        self.assertEqual(self.start().wait(PATIENCE), 1)
        self.assertIn("another quickstart runs here already", self.said())
        self.output = first_output
        first.terminate()
        self.assertEqual(first.wait(PATIENCE), 0, self.said())

    def test_the_agents_refusal_is_shown_with_its_exit_code(self):
        """Without CAP_BPF in the bounding set nothing may load BPF programs, root or not."""
        environment = dict(os.environ, SONDE_STATE=str(self.folder / "state"), SONDE_RUN=str(self.folder / "run"))
        got = subprocess.run(
            ["setpriv", "--bounding-set", "-bpf,-sys_admin", str(ROOT / "deploy/quickstart"), "--http-listen", self.http,
             "--grpc-listen", self.grpc, "--for", "5s"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=PATIENCE, env=environment)
        self.assertEqual(got.returncode, 77, got.stdout + got.stderr)
        self.assertIn("CAP_BPF", got.stderr)
        self.assertIn("sonde-agent ended with exit code 77", got.stderr)
        self.assertEqual(self.programs(), [])


if __name__ == "__main__":
    unittest.main()
