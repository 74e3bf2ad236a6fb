"""What a budget saves, and what it costs: stacks drawn by chance, held against waits whose time is known."""

import dataclasses
import json
import os
import pathlib
import tempfile
import time

import own_cost
import pprof_file
import report
from known_loads import Load
from sonde_processes import AGENTCTL, Program, Sonde, wait_until

BUDGETS = ("0", "1%", "0.1%")
LOAD = "wandering_waits"


@dataclasses.dataclass
class Outcome:
    """Of one budget under the same load. Shares of cost are of the whole machine, others of the load's time off the CPU."""

    budget: str
    cost_share: float
    lowered: str
    not_drawn_share: float
    off_share: float  # at wrong stacks
    foretold_share: float
    sum_off_share: float  # of all stacks together


def name_of(budget):
    return "no limit" if budget == "0" else budget


def known_waits(sonde, folder, seconds):
    """(report of a load that lived for `seconds`, its naps as a recording has them, what `waits` says of the split)."""
    path = pathlib.Path(folder) / "offcpu.pb.gz"
    whole = f"{seconds + 4}s"
    recording = Program(folder, [AGENTCTL, "--socket", sonde.agent.socket, "record", "--type", "offcpu", "-o", path, "--duration", whole])
    time.sleep(2)
    load = Load(folder, LOAD, seconds)
    waits = json.loads(sonde.agentctl("waits", "--pid", load.pid, "-o", "json", "--duration", f"{seconds - 1}s").stdout)
    load.finish()
    if recording.wait() != 0:
        raise RuntimeError(recording.said())
    naps = [sample for sample in pprof_file.decode(path.read_bytes()).samples if sample.labels.get("process") == LOAD]
    return load.report, naps, waits


def outcome(budget, settle_seconds, seconds, tell):
    tell(f"budget {name_of(budget)}: {settle_seconds} s to come to rest, then {seconds} s twice")
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
        sonde = Sonde(folder, "10s", ("--rate", "99Hz", "--overhead-budget", budget))
        load = Load(folder, LOAD, 3600)
        try:
            sonde.agent.wait_until_tables_are_built()
            time.sleep(settle_seconds)
            with own_cost.bpf_run_time_counted():
                before = own_cost.Reading.of(sonde)
                time.sleep(seconds)
                after = own_cost.Reading.of(sonde)
            load.discard()
            found, naps, waits = known_waits(sonde, folder, seconds)
            lowered = sonde.agent.status()["overhead"]["lowered"]
        finally:
            load.discard()
            sonde.stop()
    names = [name for name in found if name.startswith("planted::") and not name.endswith(" count")]
    truth = sum(found[name] for name in names)
    told = {name: sum(s.value for s in naps if any(frame.split("(")[0] == name for frame in s.stack)) for name in names}
    machine = (after.at - before.at) * os.cpu_count()
    return Outcome(budget=name_of(budget),
                   cost_share=(after.agent_cpu - before.agent_cpu + (after.bpf_ns - before.bpf_ns) / 1e9) / machine,
                   lowered="; ".join(f"{entry['what']}: {entry['now']}" for entry in lowered) or "nothing",
                   not_drawn_share=int(waits["not_drawn_ns"]) / int(waits["total_ns"]),
                   off_share=sum(abs(told[name] - found[name]) for name in names) / 2 / truth,
                   foretold_share=int(waits["stack_error_ns"]) / int(waits["total_ns"]),
                   sum_off_share=abs(sum(told.values()) - truth) / truth)


def sections(window_seconds, seconds, settle_seconds, tell):
    found = [outcome(budget, settle_seconds, seconds, tell) for budget in BUDGETS]
    rows = [(o.budget, report.percent(o.cost_share), o.lowered, report.percent(o.not_drawn_share), report.percent(o.off_share),
             report.percent(o.foretold_share), report.percent(o.sum_off_share)) for o in found]
    heads = ("budget", "cost, of the machine", "lowered", "time whose stacks were not drawn", "time at wrong stacks", "... as foretold",
             "all stacks together, off by")
    yield (f"## Stacks drawn by chance under a budget, against the truth\n\n`{LOAD}`: three threads sleep for chance times in five "
           f"functions, each time at another depth of the stack, so that no stack is ever reused: the worst case for walking. Held "
           f"against what the threads themselves measured, in {seconds} s.\n\n{report.table(heads, rows)}\n")
    costs = []
    for budget in ("0", "1%"):
        tell(f"saturated, budget {name_of(budget)}: the first window of {window_seconds} s, then {seconds} s")
        with own_cost.saturating_load():
            costs.append(own_cost.watch(f"saturated, budget {name_of(budget)}", window_seconds, seconds, ("--overhead-budget", budget),
                                        settle_seconds))
    yield report.own_cost(costs, window_seconds, f"The saturated host of the table above, {settle_seconds} s after the first window.",
                          title="A saturated host with and without a budget")
