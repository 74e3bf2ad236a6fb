#!/usr/bin/env python3
"""Builds a program as compilers, linkers and packagers do, and compares what we say of random addresses with others.

usage: lines_test.py SOURCE FOLDER      (FOLDER: where it may build; SONDE_BUILD: the build tree)
"""

import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
import compare  # noqa: E402

FLAGS = ["-O2", "-std=c++20"]
# Program -> how it is compiled. Two at a time.
COMPILED = {
    "gcc_5": ["g++", "-gdwarf-5"],
    "gcc_3": ["g++", "-gdwarf-3", "-gstrict-dwarf"],
    "gcc_split_4": ["g++", "-gdwarf-4", "-gsplit-dwarf", "-fdebug-types-section"],
    "clang_5": ["clang++", "-gdwarf-5"],
    "clang_split_5": ["clang++", "-gdwarf-5", "-gsplit-dwarf"],
}


def finish(running):
    for name, process in running:
        if process.wait() != 0:
            sys.exit(f"lines_test: {name} was not built")


def build(source, folder):
    names = [name for name, command in COMPILED.items() if shutil.which(command[0])]
    for pair in range(0, len(names), 2):
        finish([(name, subprocess.Popen([*COMPILED[name], *FLAGS, "-c", source, "-o", name + ".o"], cwd=folder))
                for name in names[pair:pair + 2]])
    finish([(name, subprocess.Popen([COMPILED[name][0], name + ".o", "-o", name], cwd=folder)) for name in names])
    return names


def compare_with_all(program, addresses, options=()):
    """Whether we agree with both referees about the program."""
    return compare.run_comparison([program, "--addresses", str(addresses), *options]) == 0


def is_the_same(folder, what, file, options=()):
    """Whether we say of another form of gcc_5 what we say of it."""
    addresses = compare.random_addresses(str(folder / "gcc_5"), 2_000, 2)
    plain = compare.by_tool("ours", str(folder / "gcc_5"), addresses)
    other = compare.by_tool("ours", str(folder / file), addresses, options)
    different = sum(a != b for a, b in zip(plain, other, strict=True))
    print(f"{what}: {different} of {len(addresses)} addresses differ")
    return different == 0


def packed(folder, method):
    """gcc_5 with compressed debug sections; nothing when objcopy cannot."""
    done = subprocess.run(["objcopy", f"--compress-debug-sections={method}", "gcc_5", "gcc_5_" + method], cwd=folder, check=False)
    return done.returncode == 0


def shared(folder):
    """gcc_5 with what it shares with another program moved to a third file, as Debian's debug files are."""
    for name in ("gcc_5_dwz", "gcc_5_twin"):
        shutil.copy(folder / "gcc_5", folder / name)
    subprocess.run(["dwz", "-m", "common.debug", "-M", str(folder / "common.debug"), "gcc_5_dwz", "gcc_5_twin"], cwd=folder, check=True)


def main():
    source, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = build(source, folder)
    agrees = True
    for name in names:
        options = ["--split", str(folder / f"{name}.dwo")] if "split" in name else []
        agrees &= compare_with_all(str(folder / name), 10_000 if name == "gcc_5" else 2_000, options)
    if "clang_split_5" in names and shutil.which("llvm-dwp"):
        subprocess.run(["llvm-dwp", "-e", "clang_split_5", "-o", "clang_split_5.dwp"], cwd=folder, check=True)
        agrees &= compare_with_all(str(folder / "clang_split_5"), 2_000, ["--split", str(folder / "clang_split_5.dwp")])
    for method in ("zlib", "zstd"):
        if packed(folder, method):
            agrees &= is_the_same(folder, method, "gcc_5_" + method)
        else:
            print(f"{method}: objcopy cannot write it here")
    subprocess.run(["objcopy", "--only-keep-debug", "gcc_5", "gcc_5.debug"], cwd=folder, check=True)
    agrees &= is_the_same(folder, "a debug file", "gcc_5.debug")
    if shutil.which("dwz"):
        shared(folder)
        agrees &= is_the_same(folder, "an alternate file", "gcc_5_dwz", ["--alternate", str(folder / "common.debug")])
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
