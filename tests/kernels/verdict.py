"""What one guest of the kernel matrix sent, judged: real samples, a closed account, a silent kernel log.

Every check gives a line "PASS: ..." or "FAIL: ..." with the value that it saw. There is no assertion on speed: an
emulated machine is slow, and by how much depends on its host.
"""

import json
import re

# Of the whole guest's wall time, what neither on-CPU, run queue nor blocked explains (DESIGN 7.1).
MIN_COMPLETE = 0.95
MAX_GIVEN_BACK = 0.25
MAX_UNEXPLAINED = 0.005
PAGE_BYTES = 4096
# Of the guest; run passes it to the emulator.
CPUS = 2

KERNEL_COMPLAINTS = re.compile(
    r"\bBUG:|\bBUG at|\bWARNING:|\bUBSAN|\bOops|general protection|soft lockup|hard LOCKUP|rcu.*(stall|detected expedited)"
    r"|hung_task|blocked for more than|Call Trace", re.IGNORECASE)


class Verdict:
    def __init__(self):
        self.lines = []
        self.passed = True

    def check(self, good, what):
        self.passed = self.passed and bool(good)
        self.lines.append(("PASS: " if good else "FAIL: ") + what)
        return bool(good)


def number(message, key):
    """64-bit integers are strings in protobuf's JSON, and a zero may be left out."""
    return int(message.get(key, 0))


def check_kernel_log(verdict, dmesg):
    complaints = [line for line in dmesg.splitlines() if KERNEL_COMPLAINTS.search(line)]
    verdict.check(not complaints, "the kernel's log has no complaint" + "".join("\n      " + c for c in complaints[:20]))


def check_account(verdict, account):
    processes = account.get("processes", [])
    wall = sum(number(p, "wall_ns") for p in processes)
    if not verdict.check(wall > 0, f"the account has {len(processes)} processes and {wall / 1e9:.3f} s of wall time"):
        return
    parts = {key: sum(number(p, key) for p in processes) for key in ("on_cpu_ns", "run_queue_ns", "blocked_ns")}
    unexplained = wall - sum(parts.values())
    share = abs(unexplained) / wall
    verdict.check(share <= MAX_UNEXPLAINED,
                  f"the account closes: {share:.4%} of {wall / 1e9:.3f} s unexplained (at most {MAX_UNEXPLAINED:.1%}); "
                  + ", ".join(f"{key[:-3]} {value / 1e9:.3f} s" for key, value in parts.items()))
    # Held against what the account does not derive from its own clocks: the interval's length and the number of CPUs.
    duration = number(account, "duration_ns")
    first = [p for p in processes if number(p, "pid") == 1]
    if verdict.check(len(first) == 1 and duration > 0, f"process 1 is in the account of {duration / 1e9:.3f} s"):
        lived = number(first[0], "wall_ns")
        verdict.check(abs(lived - duration) <= MAX_UNEXPLAINED * duration,
                      f"process 1, of one thread, lived {lived / 1e9:.3f} s of {duration / 1e9:.3f} s")
    verdict.check(parts["on_cpu_ns"] <= CPUS * duration * (1 + MAX_UNEXPLAINED),
                  f"on-CPU time is within that of {CPUS} CPUs: {parts['on_cpu_ns'] / 1e9:.3f} s of {CPUS * duration / 1e9:.3f} s")
    load = [p for p in processes if p.get("process") == "guest_load"]
    if not verdict.check(len(load) == 1, f"the load is in the account, as {len(load)} process(es)"):
        return
    for key in ("on_cpu_ns", "run_queue_ns", "blocked_ns"):
        value = number(load[0], key)
        verdict.check(value > 0, f"the load's {key[:-3]} is {value / 1e9:.3f} s")
    verdict.check(number(load[0], "threads") >= 4, f"the load's threads are {number(load[0], 'threads')}")


def stack_ends(status):
    return {end["reason"]: number(end, "count") for end in status.get("stack_ends", []) if end["reason"] != "kernel threads"}


def check_stacks(verdict, status, before):
    """Kernel threads have no user stack, and the guest's few processes are all known. The load's threads come and go, and
    the C library gives a thread's stack back before its last system call: what it waits there has no stack any more.
    `before`: the status once all unwinding tables were built."""
    earlier = stack_ends(before)
    ends = {reason: count - earlier.get(reason, 0) for reason, count in stack_ends(status).items()}
    given_back = ends.get("stack memory not there", 0)
    walked, complete = sum(ends.values()) - given_back, ends.get("complete", 0)
    verdict.check(given_back <= MAX_GIVEN_BACK * (walked + given_back), f"of {walked + given_back} user stacks {given_back} were gone")
    verdict.check(walked > 0 and complete >= MIN_COMPLETE * walked, f"of {walked} user stacks {complete} are complete")
    for reason, count in ends.items():
        if reason != "complete":
            verdict.lines.append(f"note: stacks cut: {reason}: {count}")
    for program in status.get("programs", []):
        verified = number(program, "verified_instructions")
        verdict.lines.append(f"note: the verifier looked at {verified or 'an unknown number of'} instructions of {program.get('name')}")


def check_status(verdict, status, before):
    check_stacks(verdict, status, before)
    verdict.check(number(status, "samples") > 0, f"on-CPU samples: {number(status, 'samples')}")
    verdict.check(number(status, "waits") > 0, f"off-CPU waits: {number(status, 'waits')}")
    if not verdict.check(number(status, "windows") > 0, f"windows closed: {number(status, 'windows')}"):
        return
    unexplained = float(status.get("unexplained_ratio", 0))
    verdict.check(unexplained <= MAX_UNEXPLAINED, f"the last window's unexplained share is {unexplained:.4%}")
    for line in status.get("degraded", []):
        verdict.lines.append(f"note: degraded: {line}")
    for loss in status.get("losses", []):
        verdict.lines.append(f"note: lost: {loss.get('what')}, {loss.get('cause')}: {loss.get('count')}")
        # What a kernel lacks is not loaded at all, and told as degraded.
        verdict.check(loss.get("cause") != "kernel_refuses", f"the kernel takes all that is loaded on request: {loss.get('what')}")


def check_recording(verdict, functions):
    """`functions` is what `go tool pprof -top` printed of the recording."""
    verdict.check("spin_on_cpu" in functions, "the recording names the function that spins")


def check_disks(verdict, disks):
    """The guest has no disk: what is seen is that the hooks are there."""
    unknown = disks.get("unknown_why", "")
    verdict.check(number(disks, "duration_ns") > 0 and not unknown, "requests to disks can be watched" + (f": {unknown}" if unknown else ""))


def check_saturation(verdict, saturation):
    woken, books_ns = saturation.get("woken", {}), number(saturation, "books_ns")
    verdict.check(books_ns > 0 and saturation.get("cpus"), "the kernel's books of CPUs are read")
    verdict.check(number(woken, "count") > 0 and 0 < number(woken, "p50_ns") <= number(woken, "longest_ns"),
                  f"waits in the queues of CPUs are counted: {number(woken, 'count')}")


def check_chains(verdict, waits):
    hops = [hop for wait in waits.get("waits", []) for chain in wait.get("chains", []) for hop in chain["hops"]]
    interrupts = [hop for hop in hops if hop.get("is_interrupt")]
    verdict.check(interrupts and all(number(hop, "ns") > 0 and hop.get("stack") for hop in interrupts),
                  f"chains of wakers are followed, {len(hops)} hops, to {len(interrupts)} interrupts")


def check_connects(verdict, peers):
    """The guest asks for connections that nobody takes."""
    refused = sum(number(one, "refused") for one in peers.get("connects", []) if one.get("port") == 9 and one.get("stack"))
    verdict.check(refused > 0, f"connections are followed: {refused} were refused")


def check_faults(verdict, top):
    """The load's own function touches pages of 4 KiB, and nothing larger."""
    rows = [row for row in top.get("rows", []) if row.get("function") == "touch_fresh_pages"]
    if not verdict.check(len(rows) == 1, "the function that touches fresh memory is in the profile of faults"):
        return
    faults, grown = number(rows[0], "count"), number(rows[0], "self_bytes")
    verdict.check(faults > 0 and 0 < grown <= faults * PAGE_BYTES, f"its {faults} page faults brought {grown} bytes")


def judge(results, functions):
    """`results`: file name -> text, as the guest sent them. `functions`: see check_recording."""
    verdict = Verdict()
    text = lambda name: results.get(name, "").strip()
    verdict.lines.append(f"note: kernel {text('release')}, BTF {text('btf') or 'no'}, "
                         f"agent ready after {text('seconds_to_ready')} s, all tables after {text('seconds_to_tables')} more")
    for step in ("account.json", "record", "disks.json", "peers.json", "waits.json", "saturation.json", "faults.json", "status.json"):
        # status exits 1 when degraded, which a guest that nobody listens to is: its export target does not answer.
        allowed = ("0", "1") if step == "status.json" else ("0",)
        code = text(step + ".code")
        said = text(step + ".err")
        verdict.check(code in allowed, f"{step}: exit code {code or 'none'}" + (f": {said}" if said else ""))
    verdict.check(text("load_alive") == "yes", "the load ran to the end")
    verdict.check(text("agent.code") == "0", f"the agent stopped on SIGTERM with exit code {text('agent.code') or 'none'}")
    messages = {}
    for name in ("account.json", "before.json", "disks.json", "peers.json", "waits.json", "saturation.json", "faults.json", "status.json"):
        try:
            messages[name] = json.loads(results.get(name, ""))
        except ValueError as error:
            verdict.check(False, f"{name} is JSON: {error}")
    if "account.json" in messages:
        check_account(verdict, messages["account.json"])
    if "status.json" in messages:
        check_status(verdict, messages["status.json"], messages.get("before.json", {}))
    if "disks.json" in messages:
        check_disks(verdict, messages["disks.json"])
    if "peers.json" in messages:
        check_connects(verdict, messages["peers.json"])
    if "waits.json" in messages:
        check_chains(verdict, messages["waits.json"])
    if "saturation.json" in messages:
        check_saturation(verdict, messages["saturation.json"])
    if "faults.json" in messages:
        check_faults(verdict, messages["faults.json"])
    check_recording(verdict, functions)
    verdict.check(text("dmesg"), "the kernel's log was collected")
    check_kernel_log(verdict, results.get("dmesg", ""))
    if not verdict.passed:
        log = results.get("agent.log", "").splitlines()
        verdict.lines.append("the agent's log, its last lines:" + "".join("\n      " + line for line in log[-40:]))
    return verdict
