"""What watching takes off the throughput of servers, and of many processes that pass messages.

Each work's server is started once for all its rounds and ended after them; its client runs anew each time and tells how much
it did. Servers reached over loopback have the first CPU to themselves and their client another: where the scheduler puts the
two moves their throughput by more than what is looked for. An agent runs wherever there is room, and takes it from both.
"""

import contextlib
import os
import re
import shutil
import tempfile

from server import Server
from servers import answers
from sonde_processes import Program, free_port, wait_until
from works import run

# Files are in memory: what disks do from one round to the next is not to be measured here.
MEMORY = "/dev/shm"
BRIEF = 0.2  # of a measurement: a run that only brings the server and who watches it to rest
NGINX_CONF = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  sendfile on; access_log off; client_body_temp_path {folder}; keepalive_requests 1000000000;
  proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""


def server_and_client_cpus():
    """One for each; the same where there is only one."""
    cpus = sorted(os.sched_getaffinity(0))
    return cpus[0], cpus[-1]


def pinned(cpu, words):
    return ["taskset", "-c", str(cpu), *map(str, words)]


def unprivileged(words):
    return ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--pdeathsig", "TERM", "--", *map(str, words)]


class Work:
    """`size` is what a measurement does: seconds, loops or requests. Its server, if any, runs inside `with`."""

    tracers = 1  # how many of observers.off_cpu_tracers() are measured too

    def __init__(self, size):
        self.size = size
        self.port = "PORT"

    @property
    def command(self):
        return " ".join(map(str, self.words(self.size)))

    def why_absent(self):
        missing = [name for name in self.programs if shutil.which(name) is None]
        return f"{', '.join(missing)} not installed ({self.package})" if missing else None

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sonde-bench-", dir=MEMORY))
            os.chmod(self.folder, 0o711)  # a server's own user passes through
            self.start(stack)
            self.running = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.running.close()

    def start(self, stack):
        """Starts the server, and has the stack stop it."""

    def measure(self):
        return self.time_of_one(self.size)

    def run_briefly(self):
        self.time_of_one(max(1, round(BRIEF * self.size)))

    def time_of_one(self, size):
        return self.read(run(*self.words(size)), size)


class Messaging(Work):
    title = "Throughput: 400 processes that pass messages through sockets"
    unit = "us per message"
    about = "On all CPUs; each of 10 groups has 20 senders and 20 receivers, and every sender sends to every receiver of its group."
    programs, package = ("perf",), "linux-perf"
    tracers = 2
    GROUPS, SENDERS = 10, 20

    def words(self, loops):
        return ["perf", "bench", "sched", "messaging", "-g", self.GROUPS, "-l", loops]

    def read(self, said, loops):
        messages = self.GROUPS * self.SENDERS**2 * loops  # every sender to every receiver of its group
        return 1e6 * float(re.search(r"Total time: ([0-9.]+) \[sec\]", said)[1]) / messages


class PgBench(Work):
    title = "Throughput: PostgreSQL with pgbench"
    unit = "us per transaction"
    about = "pgbench's own transaction (TPC-B's like) by a Unix socket, server and client on all CPUs, the database in memory."
    programs, package = ("pgbench",), "postgresql-15"
    SCALE = 10

    def start(self, stack):
        self.server = Server(self.folder)
        stack.callback(self.server.stop)
        self.server.bench("--initialize", "--quiet", "--scale", self.SCALE)
        # What they put off is not to fall into one round and not into another.
        for setting in ("autovacuum = off", "checkpoint_timeout = '1d'", "max_wal_size = '4GB'"):
            self.server.ask(f"ALTER SYSTEM SET {setting}")
        self.server.ask("SELECT pg_reload_conf()")

    def words(self, seconds):
        return ["pgbench", *self.flags(seconds)]

    @staticmethod
    def flags(seconds):
        return ["--client", 4, "--jobs", 2, "--time", seconds]

    def time_of_one(self, seconds):
        return self.read(self.server.bench(*self.flags(seconds)), seconds)

    def read(self, said, _):
        return 1e6 / float(re.search(r"^tps = ([0-9.]+) \(without initial", said, re.MULTILINE)[1])


class OnLoopback(Work):
    """A server that a folder and a port are enough for."""

    def start(self, stack):
        shutil.chown(self.folder, "nobody", "nogroup")
        self.port = free_port()
        self.server = Program(self.folder, pinned(server_and_client_cpus()[0], unprivileged(self.server_words())))
        stack.callback(self.server.stop)
        wait_until(lambda: f"for an answer of {self.server.arguments}, which said {self.server.said()}",
                   lambda: self.server.assert_alive() or self.is_ready())


class Redis(OnLoopback):
    title = "Throughput: Redis with redis-benchmark"
    unit = "us per request"
    about = "SET, then GET, by loopback; Redis, without a file, on one CPU and the client on another."
    programs, package = ("redis-server", "redis-benchmark"), "redis-server, redis-tools"

    def server_words(self):
        return ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder, "--save", "", "--appendonly", "no"]

    def is_ready(self):
        return "Ready to accept connections" in self.server.said()

    def words(self, requests):
        return pinned(server_and_client_cpus()[1],
                      ["redis-benchmark", "-h", "127.0.0.1", "-p", self.port, "-t", "set,get", "-c", 50, "-n", requests, "--csv"])

    def read(self, said, _):
        rates = [float(rate) for rate in re.findall(r'^"(?:SET|GET)","([0-9.]+)"', said, re.MULTILINE)]
        if len(rates) != 2:
            raise RuntimeError(f"redis-benchmark told {len(rates)} rates instead of two:\n{said}")
        return sum(1e6 / rate for rate in rates) / len(rates)


class Wrk(OnLoopback):
    title = "Throughput: nginx with wrk"
    unit = "us per request"
    about = "A file of 1 KiB by loopback, over connections that are kept; nginx's one worker on one CPU, wrk's one thread on another."
    programs, package = ("nginx", "wrk"), "nginx-light, wrk"

    def server_words(self):
        with open(f"{self.folder}/nginx.conf", "w") as conf, open(f"{self.folder}/one", "wb") as file:
            conf.write(NGINX_CONF.format(folder=self.folder, port=self.port))
            file.write(1024 * b"x")
        return ["nginx", "-e", f"{self.folder}/error.log", "-c", f"{self.folder}/nginx.conf"]

    def is_ready(self):
        return answers(self.port)

    def words(self, seconds):
        return pinned(server_and_client_cpus()[1], ["wrk", "-t", 1, "-c", 16, "-d", f"{seconds}s", f"http://127.0.0.1:{self.port}/one"])

    def read(self, said, _):
        if failed := re.search(r"Non-2xx.*|Socket errors.*", said):
            raise RuntimeError(f"wrk: {failed[0]}")
        return 1e6 / float(re.search(r"^Requests/sec:\s*([0-9.]+)", said, re.MULTILINE)[1])


def all_works(size):
    return [Messaging(size["messaging_loops"]), PgBench(size["client_seconds"]), Redis(size["redis_requests"]), Wrk(size["client_seconds"])]


def measure_at_rest(work, observer):
    """Before time counts, server and client are warm, for nobody as for all others, and whoever watches is at rest under the work."""
    with observer:
        work.run_briefly()
        while not observer.is_at_rest():
            work.run_briefly()
        return work.measure()
