"""Runs the experiments: every claim, place and seed is a job; what each gave is saved before anything is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from experiments.claims import CLAIMS
from experiments.claims.base import Claim, Found
from experiments.claims.judging import judge, verdict_of
from experiments.one_run import warm_up
from experiments.runner import Failure, Progress, Workers
from experiments.saved import require_writable, write_json, write_table
from sim.errors import InputError
from sim.version import version

BY_SEED_COLUMNS = ["claim", "place", "scenario", "seed", "effect", "value", "denominator"]
FINDING_COLUMNS = ["claim", "place", "effect", "mean", "ci_low", "ci_high", "n", "verdict"]


def measure_once(name: str, place: int, seed: int, changes: Mapping[str, object]) -> dict[str, Found]:
    """Try a claim once: in one of its places, with one seed."""
    claim = CLAIMS[name]
    return dict(claim.measure(claim.places[place].load(changes), seed))


def run_claims(
    claims: Sequence[Claim],
    seeds: Sequence[int],
    out: Path,
    changes: Mapping[str, object] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    command: str = "experiments.claims.laboratory.run_claims, called from Python",
) -> tuple[Failure, ...]:
    """Try claims and save what was found in ``out/data``: by seed, judged, and what was asked.

    Parameters
    ----------
    claims : sequence of Claim
        Claims of the laboratory.
    seeds : sequence of int
        Each seed once.
    out : Path
        The folder to write.
    changes : mapping, optional
        Settings changed in every market, by dotted path.
    workers : int
        Processes; the result does not depend on it.
    progress : Progress, optional
        Counts the jobs that are done.
    command : str
        What asked for it, to be saved.

    Returns
    -------
    tuple of Failure
        What went wrong; those seeds are left out.

    Raises
    ------
    InputError
        If there is no seed or one comes twice, a change is not allowed in a market, or the folder cannot be written.
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError("no seed, or one twice", key="seeds", value=list(seeds), allowed="each seed once")
    changes = dict(changes or {})
    markets = [place.load(changes) for claim in claims for place in claim.places]
    require_writable(out / "data")
    # seed by seed, so that the dearest claims of all places do not come last together
    jobs = {
        (claim.name, place, seed): (claim.name, place, seed, changes)
        for seed in seeds
        for claim in claims
        for place in range(len(claim.places))
    }
    progress = progress or Progress(len(jobs), "experiments", quiet=True)
    found: dict[tuple[str, int, int], dict[str, Found]] = {}
    failures = []
    with progress, Workers(max(1, min(workers, len(jobs)))) as pool:
        warm_up(markets[0], progress)
        for key, answer in pool.run(measure_once, jobs):
            if isinstance(answer, Failure):
                failures.append(answer)
                progress.say(f"{key[0]}, seed {key[2]}: {answer.message}")
            else:
                found[key] = answer
            progress.advance(failed=isinstance(answer, Failure))
    by_seed = _by_seed(claims, seeds, found)
    write_table(by_seed, out / "data" / "by_seed")
    write_table(findings(claims, by_seed), out / "data" / "findings")
    manifest = {
        "version": version(),
        "date": date.today().isoformat(),
        "command": command,
        "seeds": list(seeds),
        "changes": changes,
        "failed": [failure.message for failure in failures],
    }
    write_json(out / "data" / "manifest.json", manifest)
    return tuple(failures)


def findings(claims: Sequence[Claim], by_seed: pd.DataFrame) -> pd.DataFrame:
    """Return a row per claim, place and effect: mean and 95% interval over seeds, and the verdict."""
    rows = []
    for claim in claims:
        for place in claim.places:
            for effect in claim.effects:
                is_it = (by_seed["claim"] == claim.name) & (by_seed["place"] == place.label)
                own = by_seed[is_it & (by_seed["effect"] == effect.name)]
                pairs = list(zip(own["value"], own["denominator"], strict=True))
                values: list[Found] = list(pairs) if effect.kind == "ratio" else list(own["value"])
                estimated = judge(effect, values)
                verdict = verdict_of(effect, estimated)
                numbers = (estimated.mean, estimated.ci_low, estimated.ci_high, estimated.n)
                rows.append((claim.name, place.label, effect.name, *numbers, verdict))
    frame = pd.DataFrame(rows, columns=FINDING_COLUMNS)
    return frame.astype({"mean": float, "ci_low": float, "ci_high": float})


def _by_seed(
    claims: Sequence[Claim], seeds: Sequence[int], found: Mapping[tuple[str, int, int], Mapping[str, Found]]
) -> pd.DataFrame:
    rows = []
    for claim in claims:
        for p, place in enumerate(claim.places):
            for seed in seeds:
                for effect, value in found.get((claim.name, p, seed), {}).items():
                    above, below = value if isinstance(value, tuple) else (value, 1.0)
                    rows.append((claim.name, place.label, place.scenario, seed, effect, float(above), float(below)))
    return pd.DataFrame(rows, columns=BY_SEED_COLUMNS)
