"""A control group whose writes to a disk are slow: as many a second as it is told, from the kernel's own throttle."""

import os
import pathlib


def whole_disk_of(folder):
    """ "major:minor" of the disk, or None where the folder's file system has none."""
    device = os.stat(folder).st_dev
    entry = pathlib.Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    if not entry.exists():
        return None
    if (entry / "partition").exists():  # only whole disks are throttled
        entry = entry.resolve().parent
    return (entry / "dev").read_text().strip()


class SlowDisk:
    """The process is put into the group, with the children that it will have."""

    def __init__(self, folder, writes_a_second, pid):
        self.disk = whole_disk_of(folder)
        if self.disk is None:
            raise FileNotFoundError(f"{folder} is on no disk whose writes could be slowed down")
        first = pathlib.Path("/sys/fs/cgroup/blkio")
        self.is_v1 = first.exists()
        self.parent = first if self.is_v1 else pathlib.Path("/sys/fs/cgroup")
        if not self.is_v1:
            (self.parent / "cgroup.subtree_control").write_text("+io")
        self.path = self.parent / f"sonde-e2e-slow-disk-{os.getpid()}"
        self.path.mkdir()
        self._limit(writes_a_second)
        (self.path / "cgroup.procs").write_text(str(pid))

    def _limit(self, writes_a_second):
        """None: no limit."""
        if self.is_v1:
            (self.path / "blkio.throttle.write_iops_device").write_text(f"{self.disk} {writes_a_second or 0}")
        else:
            (self.path / "io.max").write_text(f"{self.disk} wiops={writes_a_second or 'max'}")

    def remove(self):
        self._limit(None)
        for pid in (self.path / "cgroup.procs").read_text().split():
            try:
                (self.parent / "cgroup.procs").write_text(pid)
            except ProcessLookupError:
                pass  # gone meanwhile
        self.path.rmdir()
