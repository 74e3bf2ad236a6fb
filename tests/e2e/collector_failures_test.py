"""What sonde-collector does with ports and disks that it cannot have, and with peers that mean it harm."""

import gzip
import pathlib
import random
import shutil
import socket
import struct
import subprocess
import time
import unittest
import zlib

import confine
import pprof_file
import sonde_processes as sonde

LABELS = ("__name__=wall", "service_name=pushed")


class CollectorTest(sonde.SondeTest):
    def push(self, collector, content, *labels, instance="-", sequence=0):
        """(code, reason) of the answer to this profile; to this message when no labels are given."""
        path = self.folder / "pushed"
        path.write_bytes(content)
        done = subprocess.run([sonde.PUSH_TOOL, collector.grpc, instance, str(sequence), str(path), *labels],
                              capture_output=True, text=True, timeout=sonde.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        code, _, reason = done.stdout.strip().partition(" ")
        return code, reason

    def expect_failure(self, *words, **options):
        collector = self.keep(sonde.Collector(self.folder, **options))
        self.assertEqual(collector.wait(), 1, collector.said())
        for word in words:
            self.assertIn(word, collector.said())
        self.assertLess(len(collector.said()), 4000, "an error is a few lines")


def wall_now(value, function="main"):
    return pprof_file.wall_profile(time.time_ns(), 1_000_000_000, value, function)


class Start(CollectorTest):
    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.expect_failure("--grpc-listen", f"127.0.0.1:{port}", grpc_port=port)
            self.expect_failure("--http-listen", f"127.0.0.1:{port}", "in use", http_port=port)
        # Nor do two collectors share one.
        self.expect_failure("--grpc-listen", grpc_port=self.collector().grpc_port)

    def test_store_not_writable(self):
        store = self.folder / "file"
        store.write_text("not a folder")
        self.expect_failure(str(store), "--store", store=store)
        self.expect_failure("/mnt", "--store", store="/mnt", wrapper=confine.in_own_mounts("mount -t tmpfs -o ro none /mnt"))
        first = self.collector()
        self.expect_failure("another sonde-collector uses it", str(first.store), store=first.store)

    def test_store_of_somebody_else(self):
        program = self.folder / "sonde-collector"
        shutil.copy(sonde.COLLECTOR, program)
        store = self.folder / "roots"
        store.mkdir(mode=0o755)
        collector = self.keep(sonde.Program(self.folder, [program, "--store", store, "--grpc-listen", "127.0.0.1:0",
                                                          "--http-listen", "127.0.0.1:0"], confine.become_nobody))
        self.assertEqual(collector.wait(), 1, collector.said())
        self.assertIn("not writable", collector.said())
        self.assertIn("--store", collector.said())

    def test_damaged_store(self):
        store = self.folder / "store"
        first = self.collector(store=store)
        self.assertEqual(first.stop(), 0)
        (store / "profiles.db").write_bytes(b"these are no pages" * 1000)
        self.expect_failure(str(store), "damaged", store=store)


class FullDisk(CollectorTest):
    BYTES = 1_500_000

    def test_full_disk(self):
        collector = self.keep(sonde.Collector(self.folder, store="/mnt", wrapper=confine.in_own_mounts(
            f"mount -t tmpfs -o size={self.BYTES} none /mnt"))).wait_until_ready()
        disk = pathlib.Path(f"/proc/{collector.pid}/root/mnt")  # as the collector sees it
        stored = self.push_until_full(collector)
        self.assertGreater(stored, 0)
        answer = collector.get("/pprof/wall?seconds=3600")
        self.assertEqual(answer[0], 200, answer)
        self.assertEqual(pprof_file.decode(answer[1]).total(), stored, "what was acknowledged, and nothing else")
        self.assertIn("not stored", collector.said())
        self.grow(disk)
        # The refused request is taken under its number, once.
        for _ in range(2):
            code, reason = self.push(collector, self.profile(stored), *LABELS, instance="agent", sequence=stored)
            self.assertEqual(code, "OK", reason)
        self.assertEqual(pprof_file.decode(collector.get("/pprof/wall?seconds=3600")[1]).total(), stored + 1)
        self.assertEqual(collector.stop(), 0, collector.said())

    def profile(self, number):
        """Of value 1 and some 100 kB that do not compress."""
        random.seed(number)
        return wall_now(1, "f" + random.randbytes(50_000).hex())

    def push_until_full(self, collector):
        for number in range(100):
            code, reason = self.push(collector, self.profile(number), *LABELS, instance="agent", sequence=number)
            if code != "OK":
                self.assertEqual(code, "UNAVAILABLE", reason)
                self.assertRegex(reason, "full|disk|I/O")
                return number
        self.fail("the disk never filled")

    def grow(self, disk):
        collector = disk.parts[2]
        subprocess.run(["nsenter", "-t", collector, "-m", "-r", "mount", "-o", f"remount,size={4 * self.BYTES}", "/mnt"],
                       check=True)


class HostilePushes(CollectorTest):
    def setUp(self):
        super().setUp()
        self.server = self.collector(flags=("--max-profile-bytes", "1MiB"))

    def tearDown(self):
        """It lives, and has exactly what is pushed now."""
        self.assertIsNone(self.server.process.poll(), self.server.said())
        self.assertEqual(self.push(self.server, wall_now(7), *LABELS), ("OK", ""))
        self.assertEqual([stored.decoded().total() for stored in self.server.profiles()], [7])
        self.assertEqual(self.server.get("/readyz")[0], 200)
        self.assertEqual(self.server.stop(), 0, self.server.said())

    def expect_refusal(self, content, *words, labels=LABELS):
        code, reason = self.push(self.server, content, *labels)
        self.assertEqual(code, "INVALID_ARGUMENT", reason)
        for word in words:
            self.assertIn(word, reason)
        self.assertLess(len(reason), 1000)

    def test_truncated(self):
        plain = wall_now(1)
        packed = gzip.compress(plain)
        for size in range(0, len(packed), 7):
            self.expect_refusal(packed[:size], "series 0, profile 0")
        for size in range(1, len(plain), 13):
            code, reason = self.push(self.server, plain[:size], *LABELS)
            # A plain protobuf cut between two fields may still be a whole one: strings come late, so never a profile.
            self.assertEqual(code, "INVALID_ARGUMENT", f"cut at {size}: {reason}")

    def test_hostile_content(self):
        good = wall_now(1)
        sample = pprof_file.field(pprof_file.SAMPLE, pprof_file.field(1, pprof_file.varint(99))
                                  + pprof_file.field(2, pprof_file.varint(1)))
        far_string = pprof_file.field(pprof_file.FUNCTION, pprof_file.field(1, 2) + pprof_file.field(2, 1 << 40))
        no_text = pprof_file.field(pprof_file.STRING, b"\xff\xfe")
        for name, content in {"a stack of no location": good + sample, "a string far outside": good + far_string,
                              "a string that is no text": good + no_text, "nothing at all": b"",
                              "noise": random.Random(1).randbytes(5000),
                              "a broken gzip": b"\x1f\x8b" + random.Random(2).randbytes(5000),
                              "another's format": b"\x7fELF" + bytes(1000)}.items():
            with self.subTest(name):
                self.expect_refusal(content, "series 0, profile 0")

    def test_oversized(self):
        large = wall_now(1, "f" * (1 << 20))
        self.expect_refusal(large, "limit of 1048576 bytes")
        self.expect_refusal(gzip.compress(large), "limit of 1048576 bytes")
        bomb = zlib.compressobj(9, wbits=31)
        packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(128)) + bomb.flush()
        self.expect_refusal(packed, "limit of 1048576 bytes")
        code, reason = self.push(self.server, bytes(65 << 20), *LABELS)
        self.assertEqual(code, "RESOURCE_EXHAUSTED", reason)
        self.assertIn("larger than max", reason)

    def test_hostile_messages(self):
        self.expect_refusal(b"\x0a\x7f", labels=())
        self.expect_refusal(random.Random(3).randbytes(4000), labels=())
        self.expect_refusal(b"", "no series", labels=())
        self.expect_refusal(b"\x0a\x00" * 100_000, "limit of 65536", labels=())
        self.expect_refusal(wall_now(1), "__name__", labels=("service_name=pushed",))
        self.expect_refusal(wall_now(1), "given twice", labels=(*LABELS, "service_name=again"))

    def test_what_is_no_grpc(self):
        for content in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(100_000), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + struct.pack(
                ">IB", 0xFFFFFF00, 0) + bytes(100)):
            for port in (self.server.grpc_port, self.server.http_port):
                with socket.create_connection(("127.0.0.1", port), timeout=sonde.PATIENCE) as peer:
                    try:
                        peer.sendall(content)
                    except OSError:
                        pass  # it hung up, as it may


if __name__ == "__main__":
    unittest.main(verbosity=2)
