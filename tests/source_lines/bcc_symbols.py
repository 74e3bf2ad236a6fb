#!/usr/bin/env python3
"""Compares symbols of random addresses in the code of running programs of the host with those of BCC's symbol cache.

usage: bcc_symbols.py [--addresses N] [--seed N] [--show N]

Debug files are left out on both sides. An address agrees when both name the same function or none; where they do not, the
difference has a class; those of EXPLAINED have a reason and do not count. Exit code 1: under 99.9 % agree.
"""

import argparse
import collections
import contextlib
import ctypes
import pathlib
import random
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
import compare  # noqa: E402

# They wait for standard input, or sleep, with many libraries of others in memory.
PROGRAMS = (["/usr/bin/python3", "-c", "import ctypes, decimal, hashlib, sqlite3, ssl, xml.parsers.expat; print(flush=True); input()"],
            ["/usr/bin/perl", "-MPOSIX", "-MSocket", "-e", "$| = 1; print qq(\\n); <STDIN>"])
# class -> why it is no mistake of ours
EXPLAINED = {
    "same code": "both are symbols of the code at this address: aliases, of which each of us takes another one",
    "no size": "the symbol tells no size: we let it reach to the next one, BCC passes it over",
}


class Option(ctypes.Structure):
    _fields_ = [("use_debug_file", ctypes.c_int), ("check_debug_file_crc", ctypes.c_int), ("lazy_symbolize", ctypes.c_int),
                ("use_symbol_type", ctypes.c_uint32)]


class Symbol(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("demangle_name", ctypes.c_char_p), ("module", ctypes.c_char_p),
                ("offset", ctypes.c_uint64)]


FUNCTION, IFUNC = 2, 10


class BccSymbols:
    """BCC's symbol cache of a process: names of functions in its files, by their symbol tables alone."""

    def __init__(self, pid):
        self.library = ctypes.CDLL("libbcc.so.0")
        self.library.bcc_symcache_new.restype = ctypes.c_void_p
        self.library.bcc_symcache_resolve_no_demangle.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.POINTER(Symbol)]
        self.option = Option(0, 0, 0, 1 << FUNCTION | 1 << IFUNC)
        self.cache = ctypes.c_void_p(self.library.bcc_symcache_new(pid, ctypes.byref(self.option)))
        if not self.cache:
            sys.exit("bcc_symbols: BCC has no symbol cache for the process")
        self.pid = pid

    def name_at(self, address):
        symbol = Symbol()
        if self.library.bcc_symcache_resolve_no_demangle(self.cache, address, ctypes.byref(symbol)) != 0:
            return ""
        return symbol.name.decode(errors="surrogateescape").split("@")[0]

    def close(self):
        self.library.bcc_free_symcache(self.cache, self.pid)


@contextlib.contextmanager
def running(command):
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()  # all its libraries are there
        try:
            yield process.pid
        finally:
            process.kill()


def code_of(pid):
    """[(begin, end, offset in the file, path)] of its files' executable mappings."""
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
    found = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) r-xp ([0-9a-f]+) \S+ \d+ +(/.*)$", maps, re.MULTILINE)
    return [(int(begin, 16), int(end, 16), int(offset, 16), path) for begin, end, offset, path in found]


def drawn(code, count, draw):
    """[(address, offset in the file, path)]: as many of each file whose code is large enough."""
    files = collections.defaultdict(list)
    for part in code:
        files[part[3]].append(part)
    found = []
    for parts in files.values():
        for begin, end, offset, path in draw.choices(parts, weights=[end - begin for begin, end, _, _ in parts], k=-(-count // len(files))):
            at = draw.randrange(begin, end)
            found.append((at, at - begin + offset, path))
    return found


class FileSymbols:
    """readelf's word on the functions of a file, by offset in it."""

    def __init__(self, path):
        self.functions = collections.defaultdict(list)
        segments = [tuple(int(word, 16) for word in words) for words in re.findall(
            r"^  LOAD +(0x\w+) (0x\w+) 0x\w+ (0x\w+)", compare.run(["readelf", "-lW", path]), re.MULTILINE)]
        for line in compare.run(["readelf", "-sW", path]).splitlines():
            words = line.split()
            if len(words) == 8 and words[3] in ("FUNC", "IFUNC", "GNU_IFUNC") and words[6] != "UND":
                address = int(words[1], 16)
                for offset, vaddr, size in segments:
                    if vaddr <= address < vaddr + size:
                        self.functions[words[7].split("@")[0]].append((address - vaddr + offset, int(words[2], 0)))

    def covers(self, name, offset):
        return any(begin <= offset < begin + size for begin, size in self.functions[name])

    def has_no_size(self, name):
        return any(size == 0 for _, size in self.functions[name])


def class_of(symbols, offset, ours, theirs):
    if ours == theirs:
        return None
    if ours and theirs and symbols.covers(ours, offset) and symbols.covers(theirs, offset):
        return "same code"
    if ours and symbols.has_no_size(ours) and not symbols.covers(ours, offset):
        return "no size"
    return "only ours" if not theirs else "only theirs" if not ours else "other"


def compare_process(pid, count, draw, show):
    """(addresses, those that both name, {class: count})."""
    theirs_of = BccSymbols(pid)
    classes, named = collections.Counter(), 0
    by_path = collections.defaultdict(list)
    for address, offset, path in drawn(code_of(pid), count, draw):
        by_path[path].append((address, offset))
    for path, places in sorted(by_path.items()):
        said = compare.run([compare.tool(), "symbols", path], "".join(f"{offset:x}\n" for _, offset in places))
        symbols = FileSymbols(path)
        for (address, offset), chain in zip(places, compare.parsed(said), strict=True):
            ours, theirs = chain[0][0] if chain else "", theirs_of.name_at(address)
            named += bool(ours and theirs)
            difference = class_of(symbols, offset, ours, theirs)
            if difference is None:
                continue
            classes[difference] += 1
            if classes[difference] <= show and difference not in EXPLAINED:
                print(f"  {difference} at 0x{offset:x} of {path}: ours {ours!r}, BCC {theirs!r}")
    theirs_of.close()
    return sum(map(len, by_path.values())), named, classes


def main():
    parser = argparse.ArgumentParser(prog="bcc_symbols.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--addresses", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=5)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    agrees = True
    for command in PROGRAMS:
        with running(command) as pid:
            count, named, classes = compare_process(pid, arguments.addresses // len(PROGRAMS), draw, arguments.show)
        counted = sum(number for difference, number in classes.items() if difference not in EXPLAINED)
        print(f"{command[0]}: {count} addresses ({named} named by both), {100 * (1 - counted / count):.3f} % as BCC says; {dict(classes)}")
        agrees &= counted <= count * (1 - compare.LEAST_AGREEMENT) and named > count // 10
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
