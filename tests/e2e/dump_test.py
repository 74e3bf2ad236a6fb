"""agentctl dump must tell where threads are: in which function, in which state, why and since when."""

import json
import unittest

import sonde_processes as sonde

LOAD = sonde.WORKLOADS / "planted_now"
# Thread: state, reasons, the function it is in, and what of the kernel's it went through.
BLOCKED = {
    "planted_now": ("sleep", "planted::SleepOn(", "nanosleep"),
    "sleeps": ("sleep", "planted::SleepOn(", "nanosleep"),
    "wants-lock": ("lock", "planted::WaitForMutex(", "futex"),
    "reads-pipe": ("pipe", "planted::ReadPipe(", "pipe_read"),
}


class Dump(sonde.SondeTest):
    def setUp(self):
        super().setUp()
        self.agent_ = self.agent("", window="10s")
        self.keep(sonde.Program(self.folder, [LOAD, self.folder / "report", "0.1"])).wait()  # so that its unwinding table is there
        self.agent_.wait_until_tables_are_built()
        self.load = self.keep(sonde.Program(self.folder, [LOAD, self.folder / "report", sonde.PATIENCE]))

    def dump(self, *words):
        done = sonde.agentctl(self.agent_.socket, "dump", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def threads(self, *words):
        return {thread["thread"]: thread for thread in json.loads(self.dump(*words, "-o", "json"))["threads"]}

    def threads_where_they_stay(self):
        threads = self.threads("--pid", self.load.pid)
        stays = all(any(frame["function"].startswith(function) for frame in threads.get(name, {"stack": []})["stack"])
                    for name, (_, function, _) in [*BLOCKED.items(), ("spins", ("", "planted::SpinOn(", ""))])
        return threads if stays else None

    def test_every_thread_is_told_with_state_reason_and_stack(self):
        threads = sonde.wait_until(lambda: f"for threads where they stay: {self.threads('--pid', self.load.pid)}",
                                   self.threads_where_they_stay)
        self.assertEqual(set(threads), {*BLOCKED, "spins"})
        for name, (reason, function, kernel) in BLOCKED.items():
            thread, names = threads[name], [frame["function"] for frame in threads[name]["stack"]]
            self.assertEqual((thread["pid"], thread["state"], thread["reason"], thread["stack_of"]),
                             (self.load.pid, "blocked", reason, "now"), thread)
            self.assertFalse(thread["kernel_only"] or thread["since_before"])
            self.assertTrue(any(kernel in one for one in names), names)
            self.assertTrue(any(one.startswith(function) for one in names), names)
            self.assertFalse(any("stack cut" in one for one in names), names)
        self.expect_time_goes_on(threads)
        self.expect_the_one_that_spins(threads["spins"])

    def expect_time_goes_on(self, before):
        """From one look to the next all these waits become longer by the same."""
        later = self.threads("--pid", self.load.pid)
        longer = {int(later[name]["ns"]) - int(before[name]["ns"]) for name in BLOCKED}
        self.assertEqual(len(longer), 1, longer)
        self.assertGreater(min(longer), 0)

    def expect_the_one_that_spins(self, thread):
        self.assertIn(thread["state"], ("running", "run queue"), thread)
        self.assertIn(thread["stack_of"], ("sample", "last-left"), thread)
        self.assertTrue(any(frame["function"].startswith("planted::SpinOn(") for frame in thread["stack"]), thread)

    def test_threads_are_selected_and_shown_as_asked(self):
        sonde.wait_until("for threads where they stay", self.threads_where_they_stay)
        self.assertEqual(list(self.threads("--comm", "reads-pipe")), ["reads-pipe"])
        self.assertEqual(len(self.threads("--comm", "planted_now")), len(BLOCKED) + 1)
        self.assertEqual(len(self.threads("--service", "planted_now", "--limit", "2")), 2)
        everybody = json.loads(self.dump("-o", "json", "--limit", "10000"))["threads"]
        self.assertIn("sonde-agent", {thread["process"] for thread in everybody})
        self.assertIn("kthreadd", {thread["process"] for thread in everybody})
        text = self.dump("--pid", self.load.pid)
        print(text)
        self.assertIn('"reads-pipe"', text)
        self.assertRegex(text, r"  blocked: pipe, for \d")
        wide = self.dump("--pid", self.load.pid, "-o", "wide")
        self.assertEqual(len(wide.splitlines()), 2 + len(BLOCKED) + 1)
        self.assertRegex(wide, r"wants-lock +blocked +lock +\d\S* \S+ +now +.*WaitForMutex")
        self.assertIn("| reads-pipe | blocked | pipe |", self.dump("--pid", self.load.pid, "-o", "md"))
        self.expect_an_error_of_who_is_not_there()

    def expect_an_error_of_who_is_not_there(self):
        for words, wrong in ((("--pid", 4194303), "4194303"), (("--comm", "nobody-is-so"), "nobody-is-so")):
            done = sonde.agentctl(self.agent_.socket, "dump", *words)
            self.assertEqual(done.returncode, 1)
            self.assertIn(wrong, done.stderr)


if __name__ == "__main__":
    unittest.main()
