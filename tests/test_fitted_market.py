"""A market whose demand is fitted to the CDNOW log: people are drawn from the fit, and a bad log stops it at once."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from experiments import cli, compare
from experiments.data import write_cdnow
from sim import Market, load_scenario
from sim.demand import DemandFit, load_demand
from sim.errors import InputError

N_PEOPLE = 20_000
FALSE_ALARM = 1e-6  # of each test, in two equal halves
SCENARIO = """
title = "Does the market keep to the log?"
periods = 8
warm_up = 2
horizon = 4
customers = {{ count = {count}, mix = {{ {mix} = 1.0 }}, demand = {{ transactions = "../logs/cdnow.csv", {demand} }} }}
network = {{ topology = "empty" }}

[[firms]]
name = "Aurora"

[[firms]]
name = "Borealis"
"""
Array = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of scenarios beside the log; it is not where the tests are run."""
    root = tmp_path_factory.mktemp("fitted")
    write_cdnow(root / "logs" / "cdnow.csv")
    (root / "scenarios").mkdir()
    return root / "scenarios"


def first_people(folder: Path, mix: str, demand: str) -> tuple[Array, Array]:
    """Return the rates and baskets of the people that a market starts with."""
    path = folder / "shop.toml"
    path.write_text(SCENARIO.format(count=N_PEOPLE, mix=mix, demand=demand), encoding="utf-8")
    customers = Market(load_scenario(path), seed=5, collect=False).customers
    rate, basket = (customers.column(name).astype(np.float64) for name in ("rate", "basket"))
    assert rate.shape == basket.shape == (N_PEOPLE,)
    return rate, basket


@pytest.fixture(
    scope="module",
    params=[('until = "1997-09-30"', {"until": "1997-09-30"}), ("period_days = 14.0", {"period_days": 14.0})],
    ids=["half_of_the_log", "fortnights"],
)
def drawn(request: pytest.FixtureRequest, folder: Path) -> tuple[DemandFit, Array, Array]:
    """Return a fit, and rates and baskets of people of a type whose relative rate is 1."""
    demand, arguments = request.param
    return load_demand(folder.parent / "logs" / "cdnow.csv", **arguments), *first_people(folder, "premium", demand)


def tails(distribution: stats.distributions.rv_frozen) -> tuple[float, float]:
    """Return the ends of a distribution that it passes, either of them, with chance `FALSE_ALARM`."""
    return float(distribution.ppf(FALSE_ALARM / 2)), float(distribution.isf(FALSE_ALARM / 2))


# people are drawn from the fit


@pytest.mark.statistical
def test_the_mean_rate_is_that_of_the_log(drawn: tuple[DemandFit, Array, Array]) -> None:
    """The sum of n Gamma(r) is Gamma(n r), so the ends are exact: about 5.6% either way. Fails by chance 1e-6.

    The two fits' mean rates per period, and that of the settings by hand, are further from each other than that.
    """
    fit, rate, _ = drawn
    low, high = tails(stats.gamma(N_PEOPLE * fit.rate_shape))
    assert low <= (rate * fit.rate_scale).sum() <= high
    assert_allclose([low, high], N_PEOPLE * fit.rate_shape, rtol=0.07)
    assert_allclose(rate.mean(), fit.mean_rate_per_period, rtol=0.07)


@pytest.mark.statistical
def test_the_mean_basket_is_that_of_the_log(drawn: tuple[DemandFit, Array, Array]) -> None:
    """Fails by chance less than 1e-6: the mean basket strays by less than 6%.

    Inverse gamma baskets have a power tail: beyond some five standard errors, a mean that is d too high owes it to one
    huge basket, with chance n P(basket > n d), rather than to many small differences. One standard error is added for
    the other baskets. Taking q for q - 1, or leaving out p, moves the mean by over 20%.
    """
    fit, _, basket = drawn
    mean, scale = fit.mean_basket_money, fit.p * fit.gamma
    error = mean / math.sqrt((fit.q - 2.0) * N_PEOPLE)
    huge = float(stats.invgamma.isf(FALSE_ALARM / 2 / N_PEOPLE, fit.q, scale=scale)) / N_PEOPLE
    normal = float(stats.norm.isf(FALSE_ALARM / 4)) * error
    assert abs(basket.mean() - mean) <= max(huge, normal) + error
    assert max(huge, normal) + error < 0.06 * mean


@pytest.mark.statistical
def test_the_harmonic_mean_of_baskets_is_that_of_the_log(drawn: tuple[DemandFit, Array, Array]) -> None:
    """The sum of p gamma / basket is Gamma(n q): exact ends, under 2% either way. Fails by chance 1e-6."""
    fit, _, basket = drawn
    low, high = tails(stats.gamma(N_PEOPLE * fit.q))
    assert low <= (fit.p * fit.gamma / basket).sum() <= high
    assert_allclose([low, high], N_PEOPLE * fit.q, rtol=0.02)


@pytest.mark.statistical
def test_rates_and_baskets_have_the_distributions_of_the_fit(drawn: tuple[DemandFit, Array, Array]) -> None:
    """Kolmogorov-Smirnov, each failing by chance 1e-6: a share of people off by .02 of all fails for sure."""
    fit, rate, basket = drawn
    for sample, distribution in (
        (rate, stats.gamma(fit.rate_shape, scale=1.0 / fit.rate_scale)),
        (basket, stats.invgamma(fit.q, scale=fit.p * fit.gamma)),
    ):
        answer = stats.kstest(sample, distribution.cdf)
        assert answer.pvalue > FALSE_ALARM
        assert stats.kstwo.isf(FALSE_ALARM, N_PEOPLE) < 0.02


@pytest.mark.statistical
def test_rates_and_baskets_are_independent(drawn: tuple[DemandFit, Array, Array]) -> None:
    """Spearman's correlation is normal with variance 1 / (n - 1) here. Fails by chance 1e-6."""
    _, rate, basket = drawn
    limit = float(stats.norm.isf(FALSE_ALARM / 2)) / math.sqrt(N_PEOPLE - 1)
    assert abs(float(stats.spearmanr(rate, basket).statistic)) <= limit < 0.035


def test_a_type_multiplies_the_rate_and_nothing_else(folder: Path) -> None:
    """Of the same people as inertia customers, whose relative rate is 0.8: the same luck, and 0.8 of each rate."""
    rate, basket = first_people(folder, "premium", 'until = "1997-09-30"')
    slower, same = first_people(folder, "inertia", 'until = "1997-09-30"')
    assert_allclose(slower, 0.8 * rate, rtol=1e-6)  # stored in single precision
    assert_array_equal(same, basket)


# a bad log


def _absent(log: Path) -> str:
    log.unlink()
    return "cannot be read: No such file"


def _a_bad_date(log: Path) -> str:
    log.write_text(log.read_text(encoding="utf-8") + "00004,1997-02-30,9.99\n", encoding="utf-8")
    return "line 6921, date = '1997-02-30': not a date; allowed: a date such as 1997-09-30"


def _another_header(log: Path) -> str:
    log.write_text(log.read_text(encoding="utf-8").replace("amount", "price", 1), encoding="utf-8")
    return "amount: no column of that name in the header (customer, date, price)"


def _few_customers(log: Path) -> str:
    log.write_text("customer,date,amount\n0,1997-01-01,9\n1,1997-02-01,9\n", encoding="utf-8")
    return "customer: 2 customers, too few to fit demand; allowed: at least 30"


def _a_short_log(log: Path) -> str:
    text = log.read_text(encoding="utf-8").splitlines(keepends=True)
    log.write_text("".join(line for line in text if ",1998-" not in line and ",1997-1" not in line), encoding="utf-8")
    return "until = '1997-10-31': outside the log; allowed: after 1997-01-01, at latest 1997-09-30"


@pytest.fixture(params=[_absent, _a_bad_date, _another_header, _few_customers, _a_short_log])
def broken(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """Return a scenario whose log cannot be used, and what is wrong with it; the folder is where the test is run."""
    monkeypatch.chdir(tmp_path)
    log = write_cdnow(tmp_path / "logs" / "cdnow.csv")
    scenario = tmp_path / "scenarios" / "shop.toml"
    scenario.parent.mkdir()
    text = SCENARIO.format(count=100, mix="premium", demand='until = "1997-10-31"')
    scenario.write_text(text, encoding="utf-8")
    return (
        scenario,
        f"shop.toml: customers.demand.transactions: {scenario.parent / '../logs/cdnow.csv'}: {request.param(log)}",
    )


def test_a_market_is_not_built_on_a_bad_log(broken: tuple[Path, str]) -> None:
    """The error names the log, the place in it or the setting, and what is allowed there, in a line."""
    scenario, wrong = broken
    with pytest.raises(InputError) as caught:
        Market(load_scenario(scenario))
    assert wrong in str(caught.value)
    assert "; allowed: " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "words", [["check"], ["run", "--out", "out"], ["compare", "--seeds", "2", "--workers", "1", "--out", "out"]]
)
def test_no_command_runs_anything_on_a_bad_log(
    broken: tuple[Path, str], words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad input is exit code 2, said on standard error: no period is lived, and nothing is written."""
    for name in ("warm_up", "simulate"):
        monkeypatch.setattr(compare, name, None)
    monkeypatch.setattr(Market, "step", None)
    scenario, wrong = broken
    answer = CliRunner().invoke(cli.main, [words[0], str(scenario), *words[1:]])
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert wrong in answer.stderr
    assert not [path for path in Path("out").rglob("*") if path.is_file()]


@pytest.mark.parametrize("words", [["check"], ["run", "--periods", "1"], ["compare", "--seeds", "1", "--workers", "1"]])
def test_what_a_log_does_not_tell_is_said_once(
    tmp_path: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Monthly renewals at one price show no spread; every command says so on standard error, and goes on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("experiments.report.page.write_report", lambda folder: folder / "report.html")
    lines = [f"c{c},2024-{month:02d}-01,10" for c in range(40) for month in range(1, 13)]
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "cdnow.csv").write_text("\n".join(["customer,date,amount", *lines]), encoding="utf-8")
    scenario = tmp_path / "scenarios" / "shop.toml"
    scenario.parent.mkdir()
    text = SCENARIO.format(count=100, mix="premium", demand="period_days = 7.0")
    scenario.write_text(text + '[arms.usual]\n[arms.dear]\n"firms.Aurora.price" = 1.5\n', encoding="utf-8")
    answer = CliRunner().invoke(cli.main, [words[0], str(scenario), *words[1:]])
    assert answer.exit_code == 0, answer.output
    for note in ("Purchase rates differ little", "Mean amounts differ little", "Amounts vary little"):
        assert answer.stderr.count(f"../logs/cdnow.csv: {note}") == 1
        assert note not in answer.stdout
