"""deploy/quickstart, deploy/install-packages and tests/debian_mirror: what they refuse, and how they say it."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOBODY = 65534


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=60, **options)


class WithFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)

    def copy_of_deploy(self):
        """Where anybody may read it, whatever folder the repository lies in."""
        shutil.copytree(ROOT / "deploy", self.folder / "deploy")
        return self.folder / "deploy"


class QuickstartArguments(WithFolder):
    def refuses(self, arguments, *parts):
        got = run(ROOT / "deploy/quickstart", *arguments)
        self.assertEqual(got.returncode, 2, got.stderr)
        for part in parts:
            self.assertIn(part, got.stderr)

    def test_an_unknown_flag_suggests_the_nearest(self):
        self.refuses(["--http-lisen", "127.0.0.1:7000"], "--http-lisen", "did you mean --http-listen?")

    def test_a_flag_like_no_other_suggests_nothing(self):
        got = run(ROOT / "deploy/quickstart", "--frobnicate")
        self.assertEqual(got.returncode, 2)
        self.assertNotIn("did you mean", got.stderr)

    def test_a_duration_without_sense_is_refused(self):
        self.refuses(["--for", "soon"], "--for wants a duration", "'soon'")
        self.refuses(["--window", "0s"], "--window wants a duration")
        self.refuses(["--for"], "--for needs a value")

    def test_an_address_without_port_is_refused(self):
        self.refuses(["--grpc-listen", "localhost"], "--grpc-listen wants HOST:PORT")

    def test_help_names_every_flag(self):
        got = run(ROOT / "deploy/quickstart", "--help")
        self.assertEqual(got.returncode, 0)
        for flag in ("--for", "--window", "--http-listen", "--grpc-listen"):
            self.assertIn(flag, got.stdout)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")
    def test_without_root_it_says_so(self):
        got = run(self.copy_of_deploy() / "quickstart", user=NOBODY)
        self.assertEqual(got.returncode, 77, got.stderr)
        self.assertIn("sudo", got.stderr)


class InstallPackages(WithFolder):
    def with_list(self, text):
        deploy = self.copy_of_deploy()
        (deploy / "packages.list").write_text(text)
        return deploy / "install-packages"

    def test_an_unknown_section_is_refused_with_those_that_exist(self):
        got = run(ROOT / "deploy/install-packages", "biuld")
        self.assertEqual(got.returncode, 2)
        self.assertIn("[build]", got.stderr)

    def test_prints_a_section_without_its_comments_and_conditions(self):
        got = run(self.with_list("[a]\nfirst # why\n\n# none\nsecond unless bash>=3\n[b]\nthird\n"), "--list", "a")
        self.assertEqual(got.stdout.split(), ["first", "second"])

    def test_does_nothing_when_all_is_there(self):
        got = run(self.with_list("[a]\nbash\nno-such-package unless bash>=3 sed\n"), "a")
        self.assertEqual((got.returncode, got.stdout), (0, ""), got.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")
    def test_without_root_it_names_what_is_missing(self):
        got = run(self.with_list("[a]\nbash\nno-such-package unless bash>=99\n"), "a", user=NOBODY)
        self.assertEqual(got.returncode, 77, got.stderr)
        self.assertIn("no-such-package", got.stderr)
        self.assertNotIn(" bash", got.stderr)

    def test_without_apt_it_names_the_packages(self):
        few = self.folder / "bin"
        few.mkdir()
        for name in ("bash", "sed", "grep", "cat", "dirname", "env"):
            (few / name).symlink_to(shutil.which(name))
        got = run(ROOT / "deploy/install-packages", "run", env={"PATH": str(few)})
        self.assertEqual(got.returncode, 1, got.stderr)
        self.assertIn("libbpf1", got.stderr)


class DebianMirror(WithFolder):
    def mirror(self, name, text):
        (self.folder / "sources.list.d").mkdir(exist_ok=True)
        (self.folder / name).write_text(text)
        return run(ROOT / "tests/debian_mirror", self.folder)

    def setUp(self):
        super().setUp()
        release = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
        self.suite = release.get("VERSION_CODENAME", "").strip('"')
        if not self.suite:
            self.skipTest("this system has no VERSION_CODENAME")

    def test_reads_the_one_line_format(self):
        got = self.mirror("sources.list", f"deb-src http://a.example/debian {self.suite} main\n"
                          f"# deb http://b.example/debian {self.suite} main\n"
                          f"deb [arch=amd64] http://c.example/debian/ {self.suite} main contrib\n")
        self.assertEqual(got.stdout.split()[0], "http://c.example/debian", got.stderr)

    def test_reads_the_deb822_format(self):
        got = self.mirror("sources.list.d/debian.sources", "Types: deb\nURIs: http://other.example/\nSuites: nodistro\nComponents: main\n\n"
                          f"# ours\nTypes: deb deb-src\nURIs: http://d.example/debian\nSuites: {self.suite} {self.suite}-updates\n"
                          "Components: main\nSigned-By:\n -----BEGIN\n .\n")
        self.assertEqual(got.stdout.split()[0], "http://d.example/debian", got.stderr)

    def test_leaves_out_what_is_switched_off(self):
        got = self.mirror("sources.list.d/debian.sources",
                          f"Enabled: no\nTypes: deb\nURIs: http://d.example/debian\nSuites: {self.suite}\nComponents: main\n")
        self.assertEqual(got.returncode, 1)

    def test_says_what_to_do_when_there_is_none(self):
        got = self.mirror("sources.list", f"deb http://c.example/debian {self.suite}-backports main\n")
        self.assertEqual(got.returncode, 1)
        self.assertIn("sources.list", got.stderr)


if __name__ == "__main__":
    unittest.main()
