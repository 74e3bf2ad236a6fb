"""The Debian packages: made from the build tree in SONDE_BUILD, judged by lintian and systemd, and unpacked to look inside."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SONDE_BUILD", ROOT / "build/release"))
PATIENCE = 300
MOST_EXPOSED = 30  # tenths, of systemd-analyze security
VERBS = ("status", "account", "top", "waits", "peers", "locks", "disks", "saturation", "record", "targets", "explain", "dump", "query", "open", "config",
         "doctor")


def run(*words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=PATIENCE, **options)


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sonde-package-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        made = run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", cls.folder)
        assert made.returncode == 0, made.stdout + made.stderr
        cls.packages = {path.name.split("_")[0]: path for path in cls.folder.glob("*.deb")}
        cls.trees = {}
        for name, path in cls.packages.items():
            cls.trees[name] = cls.folder / f"tree-{name}"
            assert run("dpkg-deb", "-x", path, cls.trees[name]).returncode == 0

    def field(self, package, name):
        return run("dpkg-deb", "-f", self.packages[package], name).stdout.strip()

    def test_there_are_two_of_them_with_what_belongs_to_each(self):
        self.assertEqual(set(self.packages), {"sonde-agent", "sonde-collector"})
        agent, collector = self.trees["sonde-agent"], self.trees["sonde-collector"]
        for path in ("usr/sbin/sonde-agent", "usr/libexec/sonde/sonde-symbolizer", "usr/bin/agentctl", "etc/sonde/agent.yaml", "lib/systemd/system/sonde-agent.service",
                     "usr/lib/sysusers.d/sonde-agent.conf", "usr/share/man/man8/sonde-agent.8.gz", "usr/share/man/man1/agentctl.1.gz",
                     "usr/share/bash-completion/completions/agentctl", "usr/share/zsh/vendor-completions/_agentctl",
                     "usr/share/fish/vendor_completions.d/agentctl.fish", "usr/share/sonde/sonde.rules.yaml", "usr/share/sonde/sonde.json"):
            self.assertTrue((agent / path).is_file(), path)
        for verb in VERBS:
            self.assertTrue((agent / f"usr/share/man/man1/agentctl-{verb}.1.gz").is_file(), verb)
        for path in ("usr/sbin/sonde-collector", "etc/default/sonde-collector", "lib/systemd/system/sonde-collector.service",
                     "usr/share/man/man8/sonde-collector.8.gz"):
            self.assertTrue((collector / path).is_file(), path)
        self.assertFalse((collector / "usr/bin/agentctl").exists())

    def test_they_depend_on_the_libraries_that_their_programs_need(self):
        for package in self.packages:
            self.assertRegex(self.field(package, "Depends"), r"libgrpc\+\+1\.51", package)
            self.assertRegex(self.field(package, "Depends"), r"systemd", package)

    def test_the_image_has_the_libraries_that_they_depend_on(self):
        listed = set(run(ROOT / "deploy/install-packages", "--list", "run").stdout.split())
        # What every Debian has, what the others bring, and what images do without.
        other = {"libc6", "libgcc-s1", "libstdc++6", "libgrpc29", "libfmt9", "libspdlog1.10-fmt9", "systemd"}
        for package in self.packages:
            needed = {re.split(r"[ |]", one.strip())[0] for one in self.field(package, "Depends").split(",")}
            self.assertEqual(needed - listed - other, set(), package)

    def test_lintian_finds_no_error(self):
        judged = run("lintian", "--fail-on", "error", "--tag-display-limit", "0", *self.packages.values())
        print(judged.stdout)
        self.assertEqual(judged.returncode, 0, judged.stdout + judged.stderr)

    def test_the_configuration_that_they_bring_is_one(self):
        checked = run(BUILD / "bin/sonde-agent", "--config", self.trees["sonde-agent"] / "etc/sonde/agent.yaml", "--check-config")
        self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_what_is_commented_out_in_it_is_what_holds_anyway(self):
        text = (self.trees["sonde-agent"] / "etc/sonde/agent.yaml").read_text()
        whole = self.folder / "whole.yaml"
        settings = re.sub(r"^#(?! \S)", "", text, flags=re.M)  # comments have one blank, keys none or more
        whole.write_text("\n".join(line for line in settings.split("\n") if not line.startswith("node:")))
        shown = [run(BUILD / "bin/sonde-agent", "--config", path, "--print-config") for path in
                 (whole, self.trees["sonde-agent"] / "etc/sonde/agent.yaml")]
        self.assertEqual(shown[0].returncode, 0, shown[0].stderr)
        # Where metrics are served is an example: nowhere unless set.
        self.assertEqual(*(re.sub(r"(?m)^  listen: .*$", "", one.stdout) for one in shown))

    def test_the_units_expose_as_little_as_they_promise(self):
        for part in ("agent", "collector"):
            unit = self.trees[f"sonde-{part}"] / f"lib/systemd/system/sonde-{part}.service"
            judged = run("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)
            print(judged.stdout.strip().split("\n")[-1])
            self.assertEqual(judged.returncode, 0, judged.stdout + judged.stderr)

    def test_systemd_finds_nothing_wrong_with_the_units(self):
        for part in ("agent", "collector"):
            tree = self.trees[f"sonde-{part}"]
            # As on the machine that it will run on, with the targets of this one.
            os.makedirs(tree / "bin", exist_ok=True)
            (tree / "bin/sh").write_text("#!/bin/sh\n")
            (tree / "bin/sh").chmod(0o755)
            unit = tree / f"lib/systemd/system/sonde-{part}.service"
            judged = run("systemd-analyze", "verify", "--man=no", f"--root={tree}", unit.name)
            complaints = [line for line in judged.stderr.split("\n") if line and "network.target" not in line and ".target" not in line]
            self.assertEqual(complaints, [], judged.stderr)


class Completion(unittest.TestCase):
    def complete(self, *words):
        script = (f"source {ROOT}/deploy/completion/agentctl.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _agentctl; "
                  "printf '%s\\n' \"${COMPREPLY[@]}\"")
        done = run("bash", "-c", script, "--", *words, env={**os.environ, "PATH": f"{BUILD}/bin:{os.environ['PATH']}"})
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash_completes_verbs_flags_and_choices(self):
        self.assertEqual(set(VERBS) - set(self.complete("agentctl", "")), set())
        self.assertEqual(self.complete("agentctl", "sat"), ["saturation"])
        self.assertEqual(self.complete("agentctl", "waits", "--rea"), ["--reason"])
        self.assertEqual(self.complete("agentctl", "waits", "--reason", "kernel-l"), ["kernel-lock"])
        self.assertEqual(self.complete("agentctl", "top", "-k", "of"), ["offcpu"])
        self.assertEqual(self.complete("agentctl", "--color", "nev"), ["never"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
