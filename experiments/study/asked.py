"""The kinds of study beyond sweeps and comparisons: each asks the analysis of its name, with the store below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from experiments.analyses.assumptions import require_ends, unsure
from experiments.analyses.evaluate import Bench
from experiments.analyses.sensitivity import Factor
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
        options = options_of(study, self.Options)
        if options.method == "sobol" and options.size & (options.size - 1):
            raise InputError(
                "is no size of a Sobol' sequence", file=study.source, key="options.size", value=options.size,
                allowed="2, 4, 8, 16, ...",
            )  # fmt: skip
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
        if study.given_arms is not None:
            if len(study.given_arms) > 2:
                raise InputError("too many", key="arms", value=list(study.given_arms), allowed="one, or two to compare")
            return study.given_arms
        name = base.name.rpartition(":")[2]
        if against is None:
            return {base.name: base}
        if against == name:
            raise InputError(
                "is what it is held against", file=study.source, key="options.against", value=against,
                allowed="another arm",
            )  # fmt: skip
        try:
            return {name: base, against: study.sibling(against)}
        except InputError as error:
            raise InputError(
                error.problem, file=study.source, key="options.against", value=against, allowed=error.allowed
            ) from None


class Robustness(Kind):
    """Which arm holds up when the world is not as assumed."""

    Options = _RobustnessOptions

    def check(self, study: Study) -> None:
        """Refuse a scenario without arms, options, and extremes of factors that are not allowed."""
        options_of(study, self.Options)
        if len(study.arms) < 2:
            raise InputError("nothing to choose between", file=study.base.source, key="arms", allowed="two or more")
        _factors(study)

    def run(self, study: Study, runner: Runner) -> Found:
        """Ask the robustness analysis."""
        from experiments.analyses.ask_robustness import ask_robustness

        worlds = options_of(study, self.Options).worlds
        return ask_robustness(
            Bench(runner=runner), study.arms, _factors(study), study.outcomes[0], study.seed_range, worlds
        )


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
        arms = study.given_arms or {"as it is": study.base, **study.arms}
        fresh = range(seeds.stop, seeds.stop + options.fresh)
        return ask_optimum(Bench(runner=runner), arms, _factors(study), seeds, fresh, options.trials, options.budget)


class Tournament(Kind):
    """Every strategy against every other and itself, in every seat."""

    Options = _TournamentOptions

    def check(self, study: Study) -> None:
        """Refuse options and strategies that are not allowed."""
        from experiments.analyses.ask_tournament import players_of

        players = players_of(study.base, options_of(study, self.Options).strategies)
        if len(players) < 2:
            raise InputError(
                "nobody to play against", file=study.source, key="options.strategies", value=list(players),
                allowed="two or more",
            )  # fmt: skip

    def run(self, study: Study, runner: Runner) -> Found:
        """Play it."""
        from experiments.analyses.ask_tournament import ask_tournament, players_of

        options = options_of(study, self.Options)
        players = players_of(study.base, options.strategies)
        return ask_tournament(Bench(runner=runner), study.base, players, options.firms, study.seed_range)


def _factors(study: Study) -> list[Factor]:
    """Return what varies, or what few are sure of; the extremes of each are checked."""
    factors = sorted(study.factors, key=lambda each: each.path) or unsure(study.base)
    try:
        require_ends(factors, study.base)
    except InputError as error:
        raise study.blame(error, "vary") from None
    return factors
