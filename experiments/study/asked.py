"""The kinds of study beyond a sweep: each asks the analysis of its name, with the store below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from experiments.analyses.assumptions import require_ends, unsure
from experiments.analyses.evaluate import Bench
from experiments.analyses.sensitivity import Factor
from experiments.named import scenario_of
from experiments.study.kinds import Kind, Options, options_of
from sim.errors import InputError

if TYPE_CHECKING:
    from experiments.analyses.page import Found
    from experiments.study.execute import Runner
    from experiments.study.study_file import Study
    from sim.scenario import Scenario


class _SensitivityOptions(Options):
    method: Literal["sobol", "morris"] = Field(default="sobol", description="sobol (indices) or morris (a screening)")
    size: Annotated[int, Field(ge=2)] = Field(default=16, description="base size of the design; of sobol a power of 2")
    against: str | None = Field(default=None, description="ask about the difference that this arm makes")


class _RobustnessOptions(Options):
    worlds: Annotated[int, Field(ge=10, le=1_000_000)] = Field(default=60, description="worlds to try")


class _OptimiseOptions(Options):
    trials: Annotated[int, Field(ge=2, le=1_000_000)] = Field(default=64, description="policies to try")
    fresh: Annotated[int, Field(ge=2, le=100_000)] = Field(
        default=12, description="seeds, after those of the search, on which the best are judged anew"
    )
    budget: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="most to spend on customers over the long run, in money"
    )


class _TournamentOptions(Options):
    firms: Annotated[int, Field(ge=2, le=6)] = Field(default=2, description="firms in each market, 2 to 6")
    strategies: tuple[str, ...] = Field(default=(), description="who plays; by default all arms and what has defaults")


class Sensitivity(Kind):
    """Which assumption the answer hangs on."""

    Options = _SensitivityOptions

    def check(self, study: Study) -> None:
        """Refuse options, arms and extremes of factors that are not allowed."""
        self._arms(study)
        _factors(study)

    def run(self, study: Study, runner: Runner) -> Found:
        """Ask the sensitivity analysis."""
        from experiments.analyses.ask_sensitivity import ask_sensitivity

        options, seeds = options_of(study, self.Options), study.seed_range
        bench = Bench(runner=runner)
        return ask_sensitivity(
            bench, self._arms(study), _factors(study), study.outcomes[0], seeds, options.method, options.size
        )

    def _arms(self, study: Study) -> dict[str, Scenario]:
        against, base = options_of(study, self.Options).against, study.base
        if against is None:
            return {base.name: base}
        path = study.scenario.rpartition(":")[0] or study.scenario
        other = scenario_of(f"{path}:{against}", study.set, study.folder)
        return {base.name.rpartition(":")[2]: base, against: other}


class Robustness(Kind):
    """Which arm holds up when the world is not as assumed."""

    Options = _RobustnessOptions

    def check(self, study: Study) -> None:
        """Refuse a scenario without arms, options, and extremes of factors that are not allowed."""
        options_of(study, self.Options)
        if not study.base.arms:
            raise InputError("has no arms to choose between", file=study.base.source, key="arms", allowed="two or more")
        _factors(study)

    def run(self, study: Study, runner: Runner) -> Found:
        """Ask the robustness analysis."""
        from experiments.analyses.ask_robustness import ask_robustness

        arms = {arm: study.base.arm(arm) for arm in study.base.arms}
        worlds = options_of(study, self.Options).worlds
        return ask_robustness(Bench(runner=runner), arms, _factors(study), study.outcomes[0], study.seed_range, worlds)


class Optimise(Kind):
    """Policies that none beats in retention, profit and risk at once."""

    Options = _OptimiseOptions

    def check(self, study: Study) -> None:
        """Refuse a study in which nothing varies, options, and extremes of levers that are not allowed."""
        options_of(study, self.Options)
        if not study.vary:
            raise InputError("no lever of the firm", file=study.source, key="vary", allowed="what the firm may choose")
        _factors(study)

    def run(self, study: Study, runner: Runner) -> Found:
        """Ask the search."""
        from experiments.analyses.ask_optimum import ask_optimum

        options, seeds = options_of(study, self.Options), study.seed_range
        arms = {"as it is": study.base, **{arm: study.base.arm(arm) for arm in study.base.arms}}
        fresh = range(seeds.stop, seeds.stop + options.fresh)
        return ask_optimum(Bench(runner=runner), arms, _factors(study), seeds, fresh, options.trials, options.budget)


class Tournament(Kind):
    """Every strategy against every other and itself, in every seat."""

    Options = _TournamentOptions

    def check(self, study: Study) -> None:
        """Refuse options and strategies that are not allowed."""
        from experiments.analyses.ask_tournament import players_of

        players_of(study.base, options_of(study, self.Options).strategies)

    def run(self, study: Study, runner: Runner) -> Found:
        """Play it."""
        from experiments.analyses.ask_tournament import ask_tournament, players_of

        options = options_of(study, self.Options)
        players = players_of(study.base, options.strategies)
        return ask_tournament(Bench(runner=runner), study.base, players, options.firms, study.seed_range)


def _factors(study: Study) -> list[Factor]:
    """Return what varies, or what few are sure of; the extremes of each are checked."""
    factors = study.factors or unsure(study.base)
    require_ends(factors, study.base)
    return factors
