"""A real Parca server on loopback, and what it answers to queries."""

import base64
import datetime
import http.client
import json
import os
import pathlib
import sys
import tempfile
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import pushed_profiles  # noqa: E402  knows where the next are
import pprof_file  # noqa: E402
import sonde_processes as sonde  # noqa: E402

SERVER = os.environ.get("SONDE_PARCA_SERVER", "")
PUSH_TOOL = sonde.BUILD / "bin/sonde_parca_push"

CONFIGURATION = """
object_storage:
  bucket:
    type: FILESYSTEM
    config:
      directory: {folder}
"""


def instant(ns):
    """RFC 3339, to the microsecond below."""
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=ns // 1000)).isoformat() + "Z"


class Parca(sonde.Program):
    def __init__(self, folder):
        work = pathlib.Path(tempfile.mkdtemp(dir=folder, prefix="parca-"))
        (work / "cache").mkdir()  # it makes none, and names nothing then
        configuration = work / "parca.yaml"
        configuration.write_text(CONFIGURATION.format(folder=work / "objects"))
        self.port = sonde.free_port()
        self.address = f"127.0.0.1:{self.port}"
        # Nothing outside is asked for debug information; a slow machine has more than five seconds to say what it wants.
        super().__init__(folder, [SERVER, "--config-path", configuration, "--http-address", self.address,
                                  "--debuginfod-upstream-servers=", "--debuginfo-cache-dir", work / "cache",
                                  "--http-read-timeout=60s"], cwd=work)

    def wait_until_ready(self):
        def answers():
            self.assert_alive()
            try:
                return self.request("/api/profiles/has_profile_data")[0] == 200
            except OSError:
                return False

        sonde.wait_until(lambda: f"for Parca, which said:\n{self.said()}", answers)
        return self

    def request(self, path):
        """(HTTP status, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=sonde.PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ask(self, path, parameters=()):
        """What it answers, when it says that all is well."""
        status, body = self.request(f"/api{path}?{urllib.parse.urlencode(list(parameters))}")
        if status != 200:
            raise AssertionError(f"{path} {parameters} was answered by {status}: {body}; it said:\n{self.said()}")
        return json.loads(body)

    def types(self):
        """Of its profiles, as queries name them."""
        found = self.ask("/profiles/types").get("types", [])
        return {":".join([t["name"], t["sampleType"], t["sampleUnit"], t["periodType"], t["periodUnit"]])
                + (":delta" if t.get("delta") else "") for t in found}

    def values(self, label):
        """That series have for it."""
        return self.ask(f"/profiles/labels/{label}/values").get("labelValues", [])

    def agents(self):
        return self.ask("/agents").get("agents", [])

    def samples(self, selector, labels, start_ns, end_ns, names=pprof_file.SYSTEM_NAME):
        """All samples of a profile type with label matchers, of profiles that start from start_ns up to end_ns, both
        included, with the values of `labels` and the names of symbol tables, or those for people."""
        answer = self.ask("/profiles/query", [
            ("mode", "MODE_MERGE"), ("report_type", "REPORT_TYPE_PPROF"), ("merge.query", selector),
            ("merge.start", instant(start_ns)), ("merge.end", instant(end_ns + 999)),
            *(("group_by.fields", f"labels.{name}") for name in sorted(labels))])
        return pprof_file.decode(base64.b64decode(answer["pprof"]), names=names).samples


def push(address, profiles, folder):
    """Pushes (kind, labels, pprof) as the agent does. What the server answered to each: "OK", or "CODE: reason"."""
    return pushed_profiles.push(PUSH_TOOL, address, profiles, folder)
