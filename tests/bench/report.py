"""The tables, in Markdown: they read as well on a terminal."""

from measure import Figure, ratios


def table(heads, rows):
    cells = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "/") for cell in row) + " |" for row in cells)


def absent_lines(absent):
    return "".join(f"\nNot measured here: {observer.name}: {reason}." for observer, reason in absent)


def compared(title, work, rounds, found, absent, about="", digits=2):
    """One line an observer: time for the same work, and the ratio to the same round's time without any of them."""
    baseline = next(values for observer, values in found.items() if observer.name == "nothing")
    rows = [(observer.name, Figure(values).text(), ratios(values, baseline).text(digits), observer.saw, f"`{observer.command}`")
            for observer, values in found.items()]
    heads = ("watched by", work.unit, "ratio to nothing", "saw in the last round", "command")
    words = [f"Work: `{work.command}`.", about, f"{rounds} interleaved rounds, medians (lowest to highest)."]
    return (f"## {title}\n\n{' '.join(filter(None, words))}\n\n"
            f"{table(heads, rows)}\n{absent_lines(absent)}").rstrip() + "\n"


def not_measured(title, reason):
    return f"## {title}\n\nNot measured here: {reason}.\n"


def percent(share):
    return f"{100 * share:.2f} %"


def own_cost(costs, window_seconds, workload_note, title="What Sonde takes for itself"):
    rows = [
        ("**agent and its BPF programs, of the machine**", *(f"**{percent(c.total_share)}**" for c in costs)),
        ("agent's and its workers' CPU time, of the machine", *(percent(c.agent_share) for c in costs)),
        ("BPF run time, of the machine", *(percent(c.bpf_share) for c in costs)),
        ("... of which counting it may be, at most", *(percent(c.counting_share) for c in costs)),
        ("BPF run time a run", *(f"{c.bpf_ns_a_run:.0f} ns" for c in costs)),
        ("as `agentctl status` tells it, since its start", *(percent(c.told_share) for c in costs)),
        ("sonde-collector's CPU time, of the machine", *(percent(c.collector_share) for c in costs)),
        ("agent's and its workers' memory (RSS, PSS, peak)",
         *(f"{c.agent_rss_kib / 1024:.1f}, {c.agent_share_of_memory_kib / 1024:.1f}, {c.agent_peak_kib / 1024:.1f} MiB" for c in costs)),
        ("BPF maps", *(f"{c.map_bytes / 2**20:.1f} MiB" for c in costs)),
        ("sonde-collector's memory (RSS)", *(f"{c.collector_rss_kib / 1024:.1f} MiB" for c in costs)),
        ("profiles a minute", *(f"{c.profiles_a_minute:.0f}" for c in costs)),
        ("bytes of stored samples a minute", *(f"{c.bytes_a_minute / 1024:.0f} KiB" for c in costs)),
        ("context switches a second, whole machine", *(f"{c.switches_a_second:.0f}" for c in costs)),
        ("new threads and processes a second", *(f"{c.forks_a_second:.0f}" for c in costs)),
    ]
    heads = ("", *(f"{c.load}, {c.seconds:.0f} s" for c in costs))
    return (f"## {title}\n\n`sonde-agent --window {window_seconds}s --rate 99Hz` with `sonde-collector` on the "
            f"same host, after its first window. {workload_note}\n\n{table(heads, rows)}\n")
