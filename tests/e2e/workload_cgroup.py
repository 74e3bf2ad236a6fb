"""Control groups as container runtimes and systemd make them, for real."""

import pathlib
import time


def _root():
    """Of version 2, beside others or alone; else of systemd's own hierarchy of version 1."""
    for root in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup", "/sys/fs/cgroup/systemd"):
        if (pathlib.Path(root) / "cgroup.procs").exists():
            return pathlib.Path(root)
    raise FileNotFoundError("no hierarchy of control groups that programs can be put into")


class WorkloadCgroup:
    """The folder `path` below the root, and those above it that there are not yet."""

    def __init__(self, path):
        self.path = _root() / path
        self.made = []
        for folder in (*reversed(self.path.relative_to(_root()).parents), self.path.relative_to(_root())):
            one = _root() / folder
            if not one.exists():
                one.mkdir()
                self.made.append(one)

    def enter(self):
        """Puts the calling process into it: for Program's preexec."""
        (self.path / "cgroup.procs").write_text("0")

    def remove(self):
        """When nobody is in it any more."""
        for folder in reversed(self.made):
            deadline = time.monotonic() + 10
            while True:
                try:
                    folder.rmdir()
                    break
                except OSError:  # who was in it is not reaped yet
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)
