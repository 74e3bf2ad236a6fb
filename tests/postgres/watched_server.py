"""What tests have in common that look at one server from beside it.

Who imports this has the folder of sonde_processes.py in its path.
"""

import os
import pathlib
import tempfile
import unittest

import sonde_processes as sonde
from server import Server


class WatchedServerTest(unittest.TestCase):
    """Tests that share a folder, a server with pgbench's tables, and an agent with its collector; all end with the class."""

    @classmethod
    def start_watched_server(cls, scale, folder_in=None):
        if os.geteuid() != 0:
            raise PermissionError("the agent loads BPF programs: run this as root")
        folder = tempfile.TemporaryDirectory(prefix="sonde-pg-", dir=folder_in)
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.folder.chmod(0o711)  # user postgres passes through
        cls.server = Server(cls.folder)
        cls.addClassCleanup(cls.server.stop)
        cls.server.bench("--initialize", "--quiet", "--scale", scale)
        cls.sonde = sonde.Sonde(cls.folder)
        cls.addClassCleanup(cls.sonde.stop)
