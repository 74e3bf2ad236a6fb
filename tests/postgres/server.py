"""A PostgreSQL server of Debian's packages with a cluster of its own, reached by a Unix socket and a port of loopback.

Who imports this has the folder of sonde_processes.py in its path.
"""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess

import sonde_processes as sonde

USER = "postgres"


def _programs():
    """Debian keeps each version's programs apart."""
    versions = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    if not versions:
        raise FileNotFoundError("PostgreSQL is not installed; deploy/install-packages test brings it")
    return versions[-1].parent


class Server:
    """`folder` must exist; the cluster is made in it. Needs root; the server runs as user postgres."""

    def __init__(self, folder):
        self.bin = _programs()
        self.home = pathlib.Path(folder) / "postgres"
        self.port = sonde.free_port()
        # Not what a sanitizer's build preloads into everything.
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("PG") and k != "LD_PRELOAD"}
        user = pwd.getpwnam(USER)
        self.home.mkdir(mode=0o700)
        os.chown(self.home, user.pw_uid, user.pw_gid)
        self.run("initdb", "--pgdata", self.home / "cluster", "--auth", "trust", "--no-locale", "--encoding", "UTF8")
        self.daemon = sonde.Program(folder, self._as_user(
            "postgres", "-D", self.home / "cluster", "-k", self.home, "-p", self.port, "-c", "listen_addresses=127.0.0.1",
            "-c", "fsync=on", "-c", "synchronous_commit=on"), cwd="/", environment=self.environment)
        self.daemon.wait_until_said("database system is ready to accept connections")

    def _as_user(self, program, *arguments):
        return ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "--pdeathsig", "QUIT", "--",
                str(self.bin / program), *map(str, arguments)]

    def run(self, program, *arguments, seconds=sonde.PATIENCE):
        """Runs one of PostgreSQL's programs to its end and returns what it printed; raises when it fails."""
        got = subprocess.run(self._as_user(program, *arguments), capture_output=True, text=True, timeout=seconds, cwd="/",
                             stdin=subprocess.DEVNULL, env=self.environment)
        if got.returncode != 0:
            raise RuntimeError(f"{program} failed with {got.returncode}:\n{got.stdout}{got.stderr}")
        return got.stdout

    def bench(self, *arguments, host=None):
        """pgbench, by the Unix socket unless a host is given."""
        return self.run("pgbench", "-h", host or self.home, "-p", self.port, "-U", USER, *arguments, USER)

    def start_bench(self, *arguments, host=None):
        command = self._as_user("pgbench", "-h", host or self.home, "-p", self.port, "-U", USER, *arguments, USER)
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
                                stdin=subprocess.DEVNULL, env=self.environment)

    def ask(self, sql):
        """The only value of the answer."""
        return self.run("psql", "-h", self.home, "-p", self.port, "-U", USER, "-AtX", "-c", sql).strip()

    def postmaster(self):
        """The pid whose children serve clients."""
        return int((self.home / "cluster/postmaster.pid").read_text().split()[0])

    def stop(self):
        code = self.daemon.stop(signal.SIGINT)  # "fast": clients are cut off
        shutil.rmtree(self.home, ignore_errors=True)
        return code
