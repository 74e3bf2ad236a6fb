"""What sonde-agent says, and how it exits, where it cannot or may not work."""

import os
import re
import shutil
import socket
import unittest

import confine
import sonde_processes as sonde

STOPPED, FAILED, USAGE, KERNEL_LACKS, NOT_PERMITTED, BAD_CONFIG = 0, 1, 2, 69, 77, 78


class AgentRefusals(sonde.SondeTest):
    def expect(self, code, *words, **options):
        """The agent ends with `code` and says `words` in a few lines, and nothing of it stays loaded."""
        agent = self.keep(sonde.Agent(self.folder, "127.0.0.1:1", **options))
        self.assertEqual(agent.wait(), code, agent.said())
        for word in words:
            self.assertIn(word, agent.said())
        self.assertLess(len(agent.said()), 4000, "an error is a few lines")
        self.assertFalse(os.path.exists(agent.socket) and not options.get("socket_path"), "it left a socket behind")
        return agent.said()

    def test_not_root(self):
        program = self.folder / "sonde-agent"
        shutil.copy(sonde.AGENT, program)  # the build tree may be closed to others
        self.expect(NOT_PERMITTED, "CAP_BPF", "CAP_PERFMON", f"uid {confine.NOBODY}", "run sonde-agent as root",
                    program=program, preexec=confine.become_nobody)

    def test_no_cap_bpf(self):
        said = self.expect(NOT_PERMITTED, "missing CAP_BPF",
                           preexec=confine.without_capabilities(confine.CAP_SYS_ADMIN, confine.CAP_BPF))
        self.assertNotIn("CAP_PERFMON", said)

    def test_no_cap_perfmon(self):
        said = self.expect(NOT_PERMITTED, "missing CAP_PERFMON",
                           preexec=confine.without_capabilities(confine.CAP_SYS_ADMIN, confine.CAP_PERFMON))
        self.assertNotIn("CAP_BPF", said)

    def test_no_btf(self):
        self.expect(KERNEL_LACKS, "/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF",
                    wrapper=confine.in_own_mounts("mount -t tmpfs none /sys/kernel/btf"))

    def test_lockdown(self):
        lockdown = "echo 'none integrity [confidentiality]' > /sys/kernel/security/lockdown"
        self.expect(NOT_PERMITTED, "lockdown", "confidentiality", "boot with",
                    wrapper=confine.in_own_mounts("mount -t tmpfs none /sys/kernel/security", lockdown))

    def test_perf_events_not_permitted(self):
        self.expect(NOT_PERMITTED, "CAP_PERFMON", "seccomp", "perf_event_open",
                    preexec=confine.without_perf_events(confine.EPERM))

    def test_no_perf_events(self):
        self.expect(KERNEL_LACKS, "CONFIG_PERF_EVENTS", preexec=confine.without_perf_events(confine.ENOSYS))

    def test_broken_config(self):
        config = self.folder / "sonde.yaml"
        for text, line, words in (("node: here\nwindwo: 10s\n", 2, "window"),
                                  ("sources:\n  cpu:\n    rat: 10Hz\n", 3, "rate"),
                                  ("window: soon\n", 1, "duration"),
                                  ("node: [here\n", 2, ""),
                                  ("export:\n  - type: pyroscope\n    endpoint: nowhere\n", 3, "HOST:PORT")):
            config.write_text(text)
            said = self.expect(BAD_CONFIG, words, flags=("--config", config))
            self.assertIsNotNone(re.search(rf"{re.escape(str(config))}:{line}\b", said), said)
        self.expect(BAD_CONFIG, "no-such-file", flags=("--config", self.folder / "no-such-file"))

    def test_usage(self):
        self.expect(USAGE, "--widnow", flags=("--widnow", "2s"))
        self.expect(USAGE, flags=("--window",))

    def test_version(self):
        for program in (sonde.AGENT, sonde.COLLECTOR, sonde.AGENTCTL):
            asked = self.keep(sonde.Program(self.folder, [program, "--version"]))
            self.assertEqual(asked.wait(), STOPPED, asked.said())
            self.assertRegex(asked.said(), rf"^{os.path.basename(program)} \d+\.\d+\.\d+\n")

    def test_control_socket_in_use(self):
        collector = self.collector()
        first = self.agent(collector.grpc)
        said = self.expect(FAILED, "another sonde-agent is running", first.socket, "control.socket",
                           socket_path=first.socket)
        self.assertNotIn("Aborted", said)
        self.assertEqual(int(first.status()["sampling_hz"]), 99, "the first agent answers as before")
        self.assertEqual(first.stop(), STOPPED, first.said())

    def test_file_in_place_of_the_control_socket(self):
        path = self.folder / "precious"
        path.write_text("mine")
        self.expect(FAILED, "is no socket", socket_path=str(path))
        self.assertEqual(path.read_text(), "mine")

    def test_stale_control_socket(self):
        path = str(self.folder / "agent.sock")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
        agent = self.agent(self.collector().grpc, socket_path=path)
        self.assertEqual(int(agent.status()["sampling_hz"]), 99)

    def test_record_on_a_full_disk(self):
        agent = self.agent(self.collector().grpc)
        full = "mount -t tmpfs -o size=64k none /mnt; head -c 64k /dev/zero > /mnt/filler || true"
        record = self.keep(sonde.Program(self.folder, [
            *confine.in_own_mounts(full), sonde.AGENTCTL, "--socket", agent.socket, "record", "--type", "wall",
            "--duration", "2s", "-o", "/mnt/host.pb.gz"]))
        self.assertEqual(record.wait(), FAILED, record.said())
        self.assertIn("No space left", record.said())
        self.assertEqual(int(agent.status()["sampling_hz"]), 99)


if __name__ == "__main__":
    unittest.main(verbosity=2)
