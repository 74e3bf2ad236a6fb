"""tests/deploy/runtime_default.txt against the profile as it is published."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "deploy"))
import runtime_default  # noqa: E402


class RuntimeDefault(unittest.TestCase):
    def test_the_list_is_what_the_published_profile_comes_to(self):
        profile = json.loads(subprocess.run([os.environ.get("SONDE_SECCOMP", "seccomp")], stdout=subprocess.PIPE, check=True, timeout=60).stdout)
        self.assertEqual((HERE.parents[1] / "deploy/runtime_default.txt").read_text().splitlines(), runtime_default.lines_of(profile))
        for call in ("bpf", "perf_event_open", "syslog"):
            self.assertIn(call, runtime_default.lines_of(profile))


if __name__ == "__main__":
    unittest.main(verbosity=2)
