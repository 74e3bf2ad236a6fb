#!/usr/bin/env python3
"""Compares functions, files, lines and inlined calls of random addresses with what llvm-symbolizer and libdw say.

usage: compare.py [--addresses N] [--seed N] [--referee llvm|libdw|go|both] [--debug FILE] [--alternate FILE] [--split FILE]...
                  [--show N] FILE...
  --referee    both: llvm and libdw; go: `go tool addr2line`, which knows no inlined calls, and takes --debug for its file
  --debug      where the debug information is (one FILE only)
  --alternate  what the debug file's .gnu_debugaltlink names
  --split      a .dwo or .dwp file; the referees find theirs by themselves
  --show       so many differences of each class are printed (default 3)

An address agrees when all of its frames do: function, file, line and the line the function begins at. Where it does not,
the difference has a class; those of EXPLAINED have a reason and do not count. Exit code 1: under 99.9 % agree.
"""

import argparse
import collections
import json
import os
import pathlib
import posixpath
import random
import subprocess
import sys

LEAST_AGREEMENT = 0.999
# class -> why it is no mistake of ours
EXPLAINED = {
    "no debug information": "llvm-symbolizer takes the symbol table's name",
    "same code": "several functions are described with the same code; both names are its symbols",
    "symbol table": "llvm-symbolizer puts the symbol table's name (with .isra.0, or of another function folded into it) over DWARF's",
}


def tool():
    build = os.environ.get("SONDE_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build/release")
    return str(pathlib.Path(build) / "bin/source_lines")


def run(command, text=""):
    done = subprocess.run(command, input=text, capture_output=True, text=True, errors="surrogateescape", check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def random_addresses(file, count, seed):
    sections = [tuple(int(word, 16) for word in line.split()) for line in run([tool(), "text", file]).splitlines()]
    draw = random.Random(seed)
    found = []
    for begin, end in draw.choices(sections, weights=[end - begin for begin, end in sections], k=count):
        found.append(draw.randrange(begin, end))
    return found


def same_path(path):
    return posixpath.normpath(path) if path else ""


def parsed(output):
    """Chains of (function, file, line, start line), innermost first."""
    chains = []
    for line in output.split("\n"):
        if line.startswith("0x"):
            chains.append([])
        elif line:
            _, function, file, number, start = line.split("\t")
            chains[-1].append((function, same_path(file), int(number), int(start)))
    return chains


def by_llvm(file, addresses):
    output = run(["llvm-symbolizer", "--output-style=JSON", "--functions=linkage", "--inlines", "--no-demangle", "--obj=" + file],
                 "".join(f"0x{address:x}\n" for address in addresses))
    chains = []
    for line in output.splitlines():
        frames = json.loads(line).get("Symbol") or []
        chains.append([(frame["FunctionName"], same_path(frame["FileName"]), frame["Line"], frame["StartLine"]) for frame in frames])
    return [[] if chain == [("", "", 0, 0)] else chain for chain in chains]


def by_tool(mode, file, addresses, options=()):
    return parsed(run([tool(), mode, file, *options], "".join(f"{address:x}\n" for address in addresses)))


def symbols_of(file):
    """Functions by name: [(begin, end)]."""
    symbols = collections.defaultdict(list)
    for line in run(["readelf", "-sW", file]).splitlines():
        words = line.split()
        if len(words) == 8 and words[3] in ("FUNC", "IFUNC", "GNU_IFUNC"):
            begin = int(words[1], 16)
            symbols[words[7].split("@")[0]].append((begin, begin + int(words[2], 0)))
    return symbols


def is_symbol(symbols, name, address):
    return any(begin <= address < end or begin == end <= address for begin, end in symbols[name.split("@")[0]])


def by_go(file, addresses):
    """A chain's last function with its first file and line; the begin of functions is not told."""
    lines = run(["go", "tool", "addr2line", file], "".join(f"0x{address:x}\n" for address in addresses)).splitlines()
    chains = []
    for function, place in zip(lines[::2], lines[1::2], strict=True):
        path, _, line = place.rpartition(":")
        # Between functions, where no line is known, it says ":-1".
        chains.append([(function, same_path(path), max(int(line), 0), 0)])
    return chains


def as_go_tells(chains):
    return [[(chain[-1][0], chain[0][1], chain[0][2], 0)] if chain else [("?", "?", 0, 0)] for chain in chains]


def class_of(referee, address, ours, theirs, symbols):
    if not ours and len(theirs) == 1 and theirs[0][2] == 0:
        return "no debug information"
    if ours and theirs and ours[:-1] == theirs[:-1] and ours[-1][1:3] == theirs[-1][1:3] and ours[-1][0] != theirs[-1][0]:
        if not is_symbol(symbols, theirs[-1][0], address):
            return "function"
        if referee == "llvm":
            return "symbol table"
        return "same code" if is_symbol(symbols, ours[-1][0], address) else "function"
    if len(ours) != len(theirs):
        return "frames"
    for name, field in (("function", 0), ("file", 1), ("line", 2), ("start line", 3)):
        if [frame[field] for frame in ours] != [frame[field] for frame in theirs]:
            return name
    return None


def compare(name, referee, addresses, ours, theirs, symbols, show):
    classes = collections.Counter()
    told = as_go_tells(ours) if referee == "go" else ours
    for address, mine, other in zip(addresses, told, theirs, strict=True):
        difference = class_of(referee, address, mine, other, symbols)
        if difference is None:
            continue
        classes[difference] += 1
        if classes[difference] <= show and difference not in EXPLAINED:
            print(f"  {difference} at 0x{address:x}:\n    ours    {mine}\n    {referee:7} {other}")
    counted = sum(count for difference, count in classes.items() if difference not in EXPLAINED)
    agreement = 1 - counted / len(addresses)
    inlined = sum(len(chain) > 1 for chain in ours)
    print(f"{name}: {len(addresses)} addresses ({inlined} in inlined calls, {sum(not chain for chain in ours)} unknown), "
          f"{100 * agreement:.3f} % as {referee} says; {dict(classes)}")
    return agreement >= LEAST_AGREEMENT


def run_comparison(words):
    """The exit code of this program with these arguments."""
    parser = argparse.ArgumentParser(prog="compare.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--addresses", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--referee", choices=("llvm", "libdw", "go", "both"), default="both")
    parser.add_argument("--debug")
    parser.add_argument("--alternate")
    parser.add_argument("--split", action="append", default=[])
    parser.add_argument("--show", type=int, default=3)
    arguments = parser.parse_args(words)
    options = [word for path in arguments.split for word in ("--split", path)]
    if arguments.alternate:
        options += ["--alternate", arguments.alternate]
    agrees = True
    for file in arguments.files:
        addresses = random_addresses(file, arguments.addresses, arguments.seed)
        debug = arguments.debug or file
        none = collections.defaultdict(list)
        if arguments.referee == "go":
            ours = by_tool("ours", file, addresses)
            agrees &= compare(file, "go", addresses, ours, by_go(debug, addresses), none, arguments.show)
            continue
        symbols = symbols_of(debug)
        ours = by_tool("ours", debug, addresses, options)
        if arguments.referee != "libdw":
            agrees &= compare(file, "llvm", addresses, ours, by_llvm(debug, addresses), symbols, arguments.show)
        if arguments.referee != "llvm":
            agrees &= compare(file, "libdw", addresses, ours, by_tool("libdw", debug, addresses), symbols, arguments.show)
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(run_comparison(sys.argv[1:]))
