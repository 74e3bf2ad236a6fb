"""What a page fault costs more where every one is counted, and what of that are the programs' own nanoseconds."""

import json
import subprocess
import tempfile

import own_cost
import report
import works
from sonde_processes import Sonde

PROGRAMS = ("on_user_fault", "on_kernel_fault", "on_growth")


def program_costs(sonde):
    """{name: (run time in ns, runs)} of the agent's programs of page faults."""
    held = {number for kind, number in sonde.agent.bpf_objects() if kind == "prog"}
    listed = json.loads(subprocess.run(["bpftool", "-j", "prog", "list"], capture_output=True, text=True, check=True).stdout)
    return {program["name"]: (program.get("run_time_ns", 0), program.get("run_cnt", 0))
            for program in listed if program["id"] in held and program.get("name") in PROGRAMS}


def price_of_programs(work, tell):
    """A table of what the kernel itself counts for each program while the work is done once."""
    tell("the programs of page faults")
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
        sonde = Sonde(folder, "10s")
        try:
            sonde.agent.wait_until_tables_are_built()
            with own_cost.bpf_run_time_counted():
                before = program_costs(sonde)
                work.measure()
                after = program_costs(sonde)
        finally:
            sonde.stop()
    rows = []
    for name in PROGRAMS:
        if name in after:
            ns, runs = (end - begin for end, begin in zip(after[name], before[name]))
            rows.append((f"`{name}`", runs, f"{ns / max(runs, 1):.0f} ns"))
    return (f"## Programs of page faults\n\nWork: `{work.command}`, once. Walks of the faults that are drawn are in; so is the counting, "
            f"at most {own_cost.COST_OF_COUNTING_NS} ns a run.\n\n{report.table(('program', 'runs', 'BPF run time a run'), rows)}\n")


def work_of(size):
    return works.Touching(size["touched_pages"], size["touching_rounds"])
