"""A folder as target holds what a collector holds, in every format, and no more than it may."""

import collections
import json
import pathlib
import unittest

import pprof_file
import sonde_processes as sonde

class FilesTarget(sonde.SondeTest):
    def agent_with(self, config):
        file = self.folder / "sonde.yaml"
        file.write_text(config)
        socket = str(self.folder / "agent.sock")
        agent = self.keep(sonde.Program(self.folder, [sonde.AGENT, "--config", file, "--control-socket", socket,
                                                      "--window", "2s", "--overhead-budget", "0"]))
        agent.wait_until_said("every thread of this host is accounted for")
        return agent, lambda: json.loads(sonde.agentctl(socket, "status", "-o", "json").stdout)

    def sums(self, profiles):
        """By kind: how many profiles, samples, and the value of all."""
        found = collections.defaultdict(lambda: [0, 0, 0])
        for kind, profile in profiles:
            for i, more in enumerate((1, len(profile.samples), profile.total())):
                found[kind][i] += more
        return dict(found)

    def test_files_are_what_the_collector_has(self):
        collector = self.collector()
        folder = self.folder / "profiles"
        agent, status = self.agent_with(
            f"export:\n  - endpoint: {collector.grpc}\n  - type: files\n    directory: {folder}\n"
            "    formats: [pprof, folded, speedscope, html, svg]\n")
        sonde.wait_until("for three windows", lambda: int(status()["windows"]) >= 3)
        sent = max(self.sent(status()))
        sonde.wait_until("for both to have them", lambda: min(self.sent(status())) >= sent)
        self.assertEqual({target["endpoint"] for target in status()["targets"]}, {collector.grpc, str(folder)})
        self.assertEqual(agent.stop(), 0, agent.said())

        # A profile's number is the last part of its name, and tells the order of pushes.
        by_number = {int(path.name.removesuffix(".pb.gz").split("-")[-1]): path for path in folder.glob("sonde-*.pb.gz")}
        pprofs = [by_number[number] for number in range(1, sent + 1)]
        files = [(path.name.split("-")[2], pprof_file.decode(path.read_bytes())) for path in pprofs]
        stored = [(profile.kind, profile.decoded()) for profile in collector.profiles()[:sent]]
        self.assertEqual(self.sums(files), self.sums(stored))
        for path, (kind, profile) in zip(pprofs, files):
            self.expect_the_same_value(str(path).removesuffix(".pb.gz"), kind, profile)

    @staticmethod
    def sent(status):
        """How many profiles each target has taken."""
        return [int(target["sent"]) for target in status["targets"]]

    def expect_the_same_value(self, base, kind, profile):
        folded = pathlib.Path(base + ".folded").read_text().splitlines()
        self.assertEqual(sum(int(line.rsplit(" ", 1)[1]) for line in folded), profile.total())
        speedscope = json.loads(pathlib.Path(base + ".speedscope.json").read_text())
        self.assertEqual([sum(shown["weights"]) for shown in speedscope["profiles"]],
                         [sum(sample.values[i] for sample in profile.samples) for i in range(len(profile.sample_types))])
        page = pathlib.Path(base + ".html").read_text()
        data = json.loads(page[page.index("const data = ") + len("const data = "):page.index(";\n", page.index("const data"))])
        self.assertEqual(data["total"][0], profile.total())
        self.assertIn("<svg", pathlib.Path(base + ".svg").read_text())
        if kind == "offcpu":
            self.assertLessEqual({line.split(";")[1] for line in folded}, {s.labels["reason"] for s in profile.samples})

    def test_the_oldest_files_go(self):
        folder = self.folder / "profiles"
        limit = 64 << 10
        agent, status = self.agent_with(
            f"export:\n  - {{type: files, directory: {folder}, formats: [pprof], retention: {{bytes: 64KiB, age: 1h}}}}\n")
        first = sonde.wait_until("for files", lambda: sorted(folder.glob("sonde-*.pb.gz")))[0]
        sonde.wait_until("for the first file to go", lambda: not first.exists())
        self.assertEqual(agent.stop(), 0, agent.said())
        sizes = [path.stat().st_size for path in folder.iterdir()]
        self.assertTrue(sum(sizes) <= limit or len(sizes) == 1, f"{sizes}")
        self.assertGreater(len(sizes), 0)


if __name__ == "__main__":
    unittest.main()
