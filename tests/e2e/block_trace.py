"""The kernel's own trace of requests to disks (ftrace, not BPF): when each began and ended. Needs root."""

import os
import pathlib
import re
import subprocess

TRACEFS = pathlib.Path("/sys/kernel/tracing")
EVENTS = ("block_rq_insert", "block_rq_issue", "block_rq_complete")
LINE = re.compile(r"(?P<seconds>\d+)\.(?P<us>\d{6}): block_rq_(?P<event>\w+): (?P<dev>\d+,\d+) (?P<operation>\w+) .*?(?P<sector>\d+) \+ \d+"
                  r"(?:.*\[(?P<comm>[^\]]*)\])?$")


class BlockTrace:
    """Traces from its making on, in an instance of its own, until it is stopped."""

    def __init__(self):
        if not (TRACEFS / "events").exists():
            subprocess.run(["mount", "-t", "tracefs", "nodev", TRACEFS], check=True)
        self.folder = TRACEFS / f"instances/sonde-e2e-{os.getpid()}"
        self.folder.mkdir()
        (self.folder / "trace_clock").write_text("mono")
        (self.folder / "buffer_size_kb").write_text("4096")
        for event in EVENTS:
            (self.folder / f"events/block/{event}/enable").write_text("1")

    def stop(self):
        """[(comm of who asked, "R..." or "W...", nanoseconds)] of the requests that began and ended meanwhile."""
        (self.folder / "tracing_on").write_text("0")
        lines = (self.folder / "trace").read_text().splitlines()
        self.folder.rmdir()
        began, ended = {}, []
        for line in lines:
            match = LINE.search(line)
            if not match:
                continue
            at_us = int(match["seconds"]) * 1_000_000 + int(match["us"])
            key = match["dev"], match["sector"]
            if match["event"] != "complete":
                began.setdefault(key, (match["comm"], match["operation"], at_us))
            elif key in began:
                comm, operation, from_us = began.pop(key)
                ended.append((comm, operation, (at_us - from_us) * 1000))
        return ended
