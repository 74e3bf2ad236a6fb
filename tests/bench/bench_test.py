"""tests/bench/run: what it says of itself and what it refuses, and its arithmetic. Nothing is measured here."""

import pathlib
import subprocess
import unittest

import machine
import measure
import report

RUN = pathlib.Path(__file__).resolve().parent / "run"


def run(*arguments):
    return subprocess.run([str(RUN), *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)


class Observer:
    def __init__(self, name):
        self.name, self.command, self.saw = name, "command", "all"


class Work:
    unit, command = "s", "work"


class Run(unittest.TestCase):
    def test_help_names_its_parts_and_where_the_figures_go(self):
        got = run("--help")
        self.assertEqual((got.returncode, got.stderr), (0, ""))
        for word in ("pipe", "cpu", "own", "--quick", "--force", "--write-results"):
            self.assertIn(word, got.stdout)

    def test_results_are_not_written_from_a_part_or_tiny_counts(self):
        for flag in (("--quick",), ("--only", "pipe")):
            got = run("--write-results", *flag)
            self.assertEqual(got.returncode, 2)
            self.assertIn("leave out --quick and --only", got.stderr)

    def test_a_busy_machine_is_refused_with_its_load(self):
        self.assertIsNone(machine.why_not_quiet((0.5, 3, 3)))
        self.assertIn("0.51", machine.why_not_quiet((0.51, 0, 0)))


class Arithmetic(unittest.TestCase):
    def test_every_observer_measures_once_a_round_and_begins_in_turn(self):
        one, two, three = map(Observer, ("one", "two", "three"))
        seen = []
        found = measure.interleave([one, two, three], 3, lambda observer: seen.append(observer.name) or len(seen))
        self.assertEqual(seen, ["one", "two", "three", "two", "three", "one", "three", "one", "two"])
        self.assertEqual(found[one], [1, 6, 8])

    def test_ratios_are_taken_within_a_round(self):
        self.assertEqual(measure.ratios([2, 30, 8], [1, 10, 4]).values, [2, 3, 2])
        self.assertEqual(measure.ratios([2, 30, 8], [1, 10, 4]).median, 2)

    def test_the_table_names_who_could_not_be_measured_and_why(self):
        nothing, sonde, absent = Observer("nothing"), Observer("sonde-agent"), Observer("other")
        text = report.compared("Title", Work(), 3, {nothing: [1, 2, 4], sonde: [2, 3, 6]}, [(absent, "no kprobes")])
        self.assertIn("| sonde-agent | 3.00 (2.00 to 6.00) | 1.50 (1.50 to 2.00) | all |", text)
        self.assertIn("Not measured here: other: no kprobes.", text)


if __name__ == "__main__":
    unittest.main()
