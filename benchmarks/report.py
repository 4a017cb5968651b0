"""``docs/performance.md`` from measured data, and from nothing else."""

from __future__ import annotations

from typing import Any

from benchmarks import figures, mechanisms
from benchmarks.engines import ENGINES
from benchmarks.figures import Figure
from benchmarks.many_runs import N_KEPT, WAYS
from benchmarks.phases import PHASES, REST
from benchmarks.probe import MEASURED_PERIODS, WARM_PERIODS

Data = dict[str, Any]

HOW_MUCH = {
    "ours": "all",
    "mesa": "all; equal to loyalty's in every bit",
    "agentpy": "all; equal to loyalty's in every purchase",
    "frames": "the core",
}

INTRO = """\
Written by `make bench` from what it measured (`performance.json`, beside this page): every figure is the median of
several, with the least and the largest, each measured in a process of its own, one after the other."""

QUICK = """\
**A quick try, not the measurement**: small towns and few rounds (`make bench` does it in full)."""

UNQUIET = """\
**The machine was not quiet**: at worst, a run of one thread got {worst:.0%} of a core (half of them at least
{usual:.0%}) while it was timed. Figures are slower than the machine allows, and ratios less certain than they look."""

LEFT_OUT = """\
- **Mesa** (`tests/reference`): nothing. Agents are objects, people and firms alike, called by `AgentSet.do`. It was
  written to be read and to agree with the kernels in every bit: it shares their addressed draws, compiled, and rounds
  what it stores to single precision. Both cost it time that a Mesa model with a generator of its own would not spend.
- **AgentPy** (`benchmarks/agentpy_market.py`): nothing. The people and firms are those of the Mesa model, kept and
  called in AgentPy's lists. Neighbours are kept at each person, which is faster than `agentpy.Network`; nothing is
  recorded.
- **mesa-frames** (`benchmarks/frames_market.py`): an agent set with a Polars column per state. Need, search, choice
  with Gumbel draws, purchase, use, failure, complaint, recovery, learning, word of mouth, lapse, walking out and the
  review of four tiers are there. It leaves out people who move away and are born, what a loss is put down to, points
  and gifts, the relay of grievances, credit for word of mouth, events, strategies, and the books by tier and type; its
  draws have no addresses, so runs are not comparable person by person; a listener takes in all words on a firm at
  once. It does less work than the others, so the comparison flatters it. It starts from the same people and network,
  on two threads.

The scenario is `baseline`: four firms with four tiers each, mean degree 8, weekly. It has no points programme and no
events, so no engine spends time on those."""

AGREEMENT = """\
The benchmark stops if they did not simulate the same market: purchases at each firm over the periods timed must be
equal in loyalty, Mesa and AgentPy, and each firm's share must agree in mesa-frames, whose luck is its own, within 1
percentage point and two standard errors."""

GROWTH = """\
Per customer. *Arrays*: what the market keeps, network included. *Peak*: the most that the process ever took, over the
same engine's smallest market. Other engines stop where one process would take longer than a minute; mesa-frames is on
two threads throughout. loyalty wakes a second thread only where it is worth it, from 20,000 customers on."""

STARTS = "A start includes Python's own. A class's run is the second in its process."

MANY = """\
The same runs on two processes, in three ways that must give the same customers in every run. *In all* is from the call
to its end, with processes started and ended; *a run more* is what {most} runs take longer than {few}, by the run."""

MECHANISMS = """\
A market in which each of the four firms has the mechanism and one in which none has, a period of each in turn: what a
period takes, relative to one without. The first row has no mechanism in either: so far do two like markets differ by
where they lie in memory. A mechanism that nobody uses is left out when the market is built, and takes no time. More is
bought where firms offer more, so some of it is customers who do more."""

READING = """\
Living through a period, taken apart by a market in which nobody has a need: what is left is time passing (a look for
whom anything is due, and what lapses). What a need costs more in a large town than in a small one is waiting for
memory."""

HOW = """\
Each engine runs {warm} periods unmeasured and then {measured} measured ones, two review cycles each. Engines take turns
within a round, and ratios are taken round by round, so that what disturbs the machine disturbs all alike. Memory is the
process's own (`VmHWM`). The second core is judged by the same market on two threads. Growth is the slope of the
logarithm of a period's time against that of customers. All of it took {minutes:.0f} minutes."""

QUIET = 0.9  # share of a core that a run of one thread gets on a quiet machine, at least


def write(data: Data) -> str:
    """Return the page.

    Parameters
    ----------
    data : dict
        What ``measure.measure_all`` returned.
    """
    parts = [
        "# Performance",
        INTRO,
        *([QUICK] if data["is_quick"] else []),
        _machine(data["machine"]),
        *_disturbance(data),
        "## Targets",
        _targets(data),
        "## Side by side",
        _side_by_side(data),
        "What each leaves out:",
        LEFT_OUT,
        AGREEMENT,
        "## Growth",
        _growth(data),
        "![Time per customer and period against the number of customers](performance-time.svg)",
        "![Memory per customer against the number of customers](performance-memory.svg)",
        "## Starting, and a class's run",
        _starts(data),
        "## Many runs",
        _many(data),
        "## What mechanisms cost",
        _mechanisms(data),
        "## Where the time goes",
        *[_phases(phases) for phases in data["phases"]],
        _reading(data),
        "## How it is measured",
        _how(data),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def table(head: list[str], rows: list[list[str]], left: int = 1) -> str:
    """Return a table whose first columns are set left and the others right."""
    rule = ["---" if k < left else "---:" for k in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def _show(figure: Figure | None, form: Any) -> str:
    return figure.show(form) if figure else "-"


def _machine(machine: Data) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version)
    return (
        f"{machine['processor']} ({machine['cache']} cache), {machine['cores']} cores, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB; {machine['system']}; Python {machine['python']}; {versions}. "
        f"{machine['when']}; the machine's load was {machine['load_before']} before it began."
    )


def _targets(data: Data) -> str:
    def row(target: figures.Target) -> list[str]:
        sign = "at least" if target.is_least else "at most"
        return [target.what, f"{sign} {target.form(target.limit)}", _show(target.measured, target.form), target.verdict]

    return table(["what", "target", "measured", "met"], [row(target) for target in figures.targets(data)])


def _side_by_side(data: Data) -> str:
    n, rows = data["ratio_at"], []
    versions = data["machine"]["versions"]
    mesa = figures.runs_of(data, "mesa", n)
    for name, engine in ENGINES.items():
        for threads in (1, 2):
            runs = figures.runs_of(data, name, n, threads)
            if not runs or (name == "ours" and threads == 2):
                continue
            ratio = figures.times_as_fast(runs, mesa) if name != "mesa" else None
            rows.append(
                [
                    f"{engine.title} {versions.get(engine.module) or ''}",
                    HOW_MUCH[name],
                    str(threads),
                    _show(figures.speed_of(data, name, n, threads), figures.per_second),
                    _show(ratio, figures.times),
                    _show(_nanoseconds(runs), _ns),
                ]
            )
    head = ["engine", "of the market", "threads", "customer-periods", "times Mesa's speed", "a customer and period"]
    missing = [engine.title for name, engine in ENGINES.items() if not figures.runs_of(data, name, n)]
    note = f"\n\nNot measured, their environments not being there: {', '.join(missing)}." if missing else ""
    return f"{n:,} customers; a town of that size uses one thread of loyalty's.\n\n" + table(head, rows, left=2) + note


def _growth(data: Data) -> str:
    rows = []
    for name, engine in ENGINES.items():
        for n in figures.sizes_of(data, name):
            threads = (1, 2) if name == "ours" else (None,)
            times = [_nanoseconds(figures.runs_of(data, name, n, count)) for count in threads]
            second = None
            if name == "ours":
                second = figures.times_as_fast(figures.runs_of(data, name, n, 2), figures.runs_of(data, name, n, 1))
            rows.append(
                [
                    engine.title,
                    f"{n:,}",
                    _show(times[0], _ns),
                    _show(times[1], _ns) if len(times) > 1 else "",
                    _show(second, figures.times) if name == "ours" else "",
                    _show(figures.array_bytes_per_customer(data, name, n), figures.per_customer),
                    _show(figures.bytes_per_customer(data, name, n, "peak_bytes"), figures.per_customer),
                    _show(Figure.of(run["build"] for run in figures.runs_of(data, name, n)), figures.seconds),
                ]
            )  # fmt: skip
    head = [
        "engine",
        "customers",
        "a customer and period",
        "on two threads",
        "second core",
        "arrays",
        "peak",
        "to build",
    ]
    return f"{GROWTH}\n\n{table(head, rows)}"


def _starts(data: Data) -> str:
    starts, parts = data["starts"], data["classroom"]
    rows = [
        ["Python itself", _show(Figure.of(starts["python"]), figures.seconds)],
        ["`import sim`", _show(Figure.of(starts["import"]), figures.seconds)],
        ["`loyalty --help`", _show(Figure.of(starts["help"]), figures.seconds)],
        [
            "first start: kernels compiled, 5,000 people, one period",
            _show(Figure.of(starts["compile"]), figures.seconds),
        ],
        ["later start: the same, kernels read", _show(Figure.of(starts["later"]), figures.seconds)],
    ]
    names = {"build": "people and network made", "run": "260 weeks", "summary": "summed up", "total": "together"}
    rows += [
        [f"a class's run: {text}", _show(Figure.of(part[name] for part in parts), _ms)] for name, text in names.items()
    ]
    return f"{STARTS}\n\n{table(['what', 'time'], rows)}"


def _many(data: Data) -> str:
    many = data["many"]
    few, most = many["runs"]
    rows = [
        [
            text,
            _show(Figure.of(each[way][1] for each in many["rounds"]), figures.seconds),
            _show(figures.seconds_a_run(data, way), _ms),
            _show(figures.overhead(data, way), figures.share) if way != "bare" else "",
        ]
        for way, text in WAYS.items()
    ]
    head = [f"{most} runs of {many['customers']:,} customers", "in all", "a run more", "longer than bare"]
    asked = data["aggregation"]
    names = {"open": "opened", "means": "means by setting", "table": "the whole table"}
    times = ", ".join(f"{text} {_show(Figure.of(each[name] for each in asked), _ms)}" for name, text in names.items())
    kept = f"A store of {N_KEPT:,} runs of four firms: {times}."
    return f"{MANY.format(few=few, most=most)}\n\n{table(head, rows)}\n\n{kept}"


def _mechanisms(data: Data) -> str:
    n = min(each["customers"] for each in data["mechanisms"])
    costs = {name: figures.mechanism(data, name) for name in mechanisms.names()}
    rows = [[name, _show(cost, figures.number)] for name, cost in costs.items()]
    return f"{MECHANISMS}\n\n{table([f'{n:,} customers, one thread', 'time of a period'], rows)}"


def _phases(phases: Data) -> str:
    n, spent = phases["customers"], phases["seconds"]
    texts = {name: text for name, _, text in PHASES} | {"rest": REST, "total": "**a period**"}
    rows = [
        [text, f"{1e3 * spent[name]:.3f} ms", f"{1e9 * spent[name] / n:.2f} ns", f"{spent[name] / spent['total']:.1%}"]
        for name, text in texts.items()
    ]
    threads = "one thread" if phases["threads"] == 1 else f"{phases['threads']} threads"
    head = [f"{n:,} customers, {threads}", "a period", "a customer", "share"]
    return table(head, rows)


def _reading(data: Data) -> str:
    """Say what the breakdown says of a customer's life."""
    lines = []
    for phases in data["phases"]:
        if phases["threads"] != 1:
            continue
        n, idle = phases["customers"], phases["idle_seconds"]
        need = (phases["seconds"]["live_through"] - idle) / (n * phases["needs"])
        lines.append(
            f"- {n:,} customers, one thread: an idle week costs {1e9 * idle / n:.1f} ns; {phases['needs']:.3f} needs "
            f"arise for a customer in a week, and each costs {1e9 * need:.0f} ns."
        )
    return READING + "\n\n" + "\n".join(lines)


def _how(data: Data) -> str:
    return HOW.format(warm=WARM_PERIODS, measured=MEASURED_PERIODS, minutes=data["took_seconds"] / 60)


def _disturbance(data: Data) -> list[str]:
    """Say how far the machine was not quiet, if it was not."""
    shares = Figure.of(
        run["cpu"] / sum(run["seconds"]) for run in data["runs"] if run["threads"] == 1 and run["customers"] >= 10_000
    )
    if shares is None or shares.low >= QUIET:
        return []
    return [UNQUIET.format(worst=shares.low, usual=shares.median)]


def _nanoseconds(runs: list[Data]) -> Figure | None:
    return Figure.of(1e9 / figures.speed(run) for run in runs)


def _ns(value: float) -> str:
    return f"{value:,.0f} ns" if value >= 100 else f"{value:.1f} ns"


def _ms(value: float) -> str:
    return f"{1e3 * value:.0f} ms"
