"""Study files as people write them: each mistake is one line and exit code 2, and nothing runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import experiments.study.execute
from experiments import arms_of, sensitivity
from experiments.cli import main
from experiments.study.study_file import load_study, study_of
from sim.errors import InputError

GOOD = """
title = "What does the price do?"
scenario = "baseline"
seeds = 2

[set]
"customers.count" = 60

[vary]
"firms.Aurora.price" = [0.9, 1.1]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder to work in, from which nothing can be run."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("something ran")

    monkeypatch.setattr(experiments.study.execute, "simulate_all", never)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def study(text: str | bytes, *words: str) -> Result:
    """Write a study file and ask for it."""
    Path("price.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return CliRunner().invoke(main, ["study", "price.toml", "--workers", "1", *words])


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


PRICES = '"firms.Aurora.price" = [0.9, 1.1]'
WRONG = {
    # the file
    "no TOML": ("title = ", "price.toml: not valid TOML: Invalid value (at end of document)"),
    "a key twice": (changed("seeds = 2", "seeds = 2\nseeds = 3"), "price.toml: not valid TOML: Cannot overwrite"),
    "not UTF-8": (b'title = "caf\xe9"', "price.toml: not a text file in UTF-8"),
    "no scenario": (changed('scenario = "baseline"', ""), "price.toml: scenario: is missing; allowed: a scenario file"),
    "no title": (changed('title = "What does the price do?"', ""), "price.toml: title: is missing"),
    "an unknown key": (changed("seeds = 2", "seed = 2"), 'price.toml: seed: unknown key "seed"; did you mean "seeds"?'),
    "an unknown kind": (changed("seeds = 2", 'kind = "sweeps"'), "price.toml: kind = 'sweeps': should be 'sweep'"),
    "a scenario that is not there": (
        changed('"baseline"', '"baselin"'),
        "price.toml: scenario = 'baselin': no such file; did you mean \"baseline\"?",
    ),
    "an arm that is not there": (
        changed('"baseline"', '"baseline:equl"'),
        'price.toml: scenario = \'baseline:equl\': no arm is called "equl"; did you mean "equal"?',
    ),
    # seeds
    "negative seeds": (changed("seeds = 2", "seeds = -2"), "price.toml: seeds = -2: should be greater than or equal"),
    "no seeds": (changed("seeds = 2", "seeds = 0"), "price.toml: seeds = 0: should be greater than or equal to 1"),
    "seeds as text": (changed("seeds = 2", 'seeds = "2"'), "price.toml: seeds = '2': should be a valid integer"),
    "seeds that are true": (changed("seeds = 2", "seeds = true"), "price.toml: seeds = True: should be a valid"),
    "a negative first seed": (changed("seeds = 2", "seed_from = -1"), "price.toml: seed_from = -1: should be"),
    "a width that is none": (
        changed("seeds = 2", 'until = "5"'),
        "price.toml: until = '5': not a width; allowed: ci=0.5%, or",
    ),
    "a width that is a number": (changed("seeds = 2", "until = 5"), "price.toml: until = 5: not a width; allowed: ci="),
    # settings
    "an unknown setting": (
        changed('"customers.count"', '"customers.cuont"'),
        'price.toml: set: customers.cuont: unknown key "cuont"; did you mean "count"?',
    ),
    "text for a number": (
        changed('"customers.count" = 60', '"customers.count" = "many"'),
        "price.toml: set: customers.count = 'many': should be a valid integer",
    ),
    "both set and varied": (
        changed('"customers.count" = 60', '"firms.Aurora.price" = 1.0'),
        'price.toml: "firms.Aurora.price" is both set and varied; allowed: one of the two',
    ),
    # what varies
    "an unknown path": (
        changed("Aurora.price", "Aurora.prise"),
        "price.toml: point 1 of 2 {'firms.Aurora.prise': 0.9}: firms.Aurora.prise: unknown key \"prise\"; did you mean",
    ),
    "an unknown firm": (
        changed("Aurora", "Aurra"),
        "price.toml: point 1 of 2 {'firms.Aurra.price': 0.9}: firms.Aurra.price: \"Aurra\" is not there; did you mean",
    ),
    "a word among numbers": (
        changed("[0.9, 1.1]", '[0.9, "dear"]'),
        "price.toml: point 2 of 2 {'firms.Aurora.price': 'dear'}: firms.Aurora.price = 'dear': should be a valid",
    ),
    "no number": (
        changed("[0.9, 1.1]", "[0.9, nan]"),
        "price.toml: point 2 of 2 {'firms.Aurora.price': nan}: firms.Aurora.price = nan: should be",
    ),
    "a share that is text": (
        changed(PRICES, '"customers.mix.price" = ["high", 0.2]'),
        "price.toml: point 1 of 2 {'customers.mix.price': 'high'}: customers.mix.price = 'high': is no share",
    ),
    "a share that is no number": (
        changed(PRICES, '"customers.mix.price" = [nan, 0.2]'),
        "customers.mix.price = nan: is no share; allowed: 0 to 1",
    ),
    "an unknown type": (
        changed(PRICES, '"customers.mix.prise" = [0.1, 0.2]'),
        "price.toml: point 1 of 2 {'customers.mix.prise': 0.1}:",
    ),
    "no values": (
        changed("[0.9, 1.1]", "[]"),
        "price.toml: vary.firms.Aurora.price = []: nothing to vary; allowed: a list of two values or more",
    ),
    "one value": (changed("[0.9, 1.1]", "[0.9]"), "price.toml: vary.firms.Aurora.price = [0.9]: nothing to vary"),
    "a bare value": (changed("[0.9, 1.1]", "0.9"), "price.toml: vary.firms.Aurora.price = 0.9: nothing to vary"),
    "values as text": (
        changed("[0.9, 1.1]", '"0.9,1.1"'),
        "price.toml: vary.firms.Aurora.price = '0.9,1.1': nothing to vary; allowed: a",
    ),
    "a value twice": (
        changed("[0.9, 1.1]", "[0.9, 1.1, 0.9]"),
        "price.toml: vary.firms.Aurora.price = [0.9, 1.1, 0.9]: 0.9 is there twice; allowed: each value once",
    ),
    "a range upside down": (
        changed("[0.9, 1.1]", "{ low = 1.1, high = 0.9 }"),
        "price.toml: vary.firms.Aurora.price = {'low': 1.1, 'high': 0.9}: low is not below high; allowed: as in",
    ),
    "half a range": (
        changed("[0.9, 1.1]", "{ low = 1.1 }"),
        "vary.firms.Aurora.price = {'low': 1.1}: no range; allowed",
    ),
    "a range of words": (changed("[0.9, 1.1]", '{ low = "a", high = "b" }'), "the ends of a range must be numbers"),
    "a range without end": (changed("[0.9, 1.1]", "{ low = 0.9, high = inf }"), "the ends of a range must be numbers"),
    "a range in a grid": (
        changed("[0.9, 1.1]", "{ low = 0.9, high = 1.1 }"),
        "price.toml: vary.firms.Aurora.price: is a range; allowed: a list",
    ),
    "nothing varies": (changed(PRICES, ""), "price.toml: vary: nothing varies; allowed: "),
    # the design
    "an unknown design": (
        changed("[set]", 'design = { kind = "gird" }\n[set]'),
        "price.toml: design.kind = 'gird': should",
    ),
    "a design of no points": (
        changed("[set]", 'design = { kind = "sobol" }\n[set]'),
        "price.toml: design = {'kind': 'sobol'}: points belong to the designs latin_hypercube and sobol",
    ),
    "a CSV file that is not named": (
        changed("[set]", 'design.kind = "csv"\n[set]'),
        "a file belongs to the design csv",
    ),
    "a CSV file that is not there": (
        changed("[set]", 'design = { kind = "csv", file = "no.csv" }\n[set]').replace(PRICES, ""),
        "no.csv: cannot be read: No such file or directory; allowed: a CSV file in UTF-8",
    ),
    "varied beside a CSV file": (
        changed("[set]", 'design = { kind = "csv", file = "no.csv" }\n[set]'),
        'price.toml: vary: of no use to the design "csv"; allowed: in one of the others',
    ),
    "no arms": (
        changed("[set]", 'design.kind = "arms"\n[set]').replace(PRICES, "").replace('"baseline"', '"baseline:equal"'),
        "baseline.toml: arms: has no arms; allowed: two arms or more",
    ),
    # what is asked
    "an unknown outcome": (
        changed("seeds = 2", 'outcomes = ["profits"]'),
        'no outcome is called "profits"; did you mean',
    ),
    "an outcome twice": (
        changed("seeds = 2", 'outcomes = ["profit", "profit"]'),
        '"profit" is there twice; allowed: each outcome once',
    ),
    "no outcomes": (
        changed("seeds = 2", "outcomes = []"),
        "price.toml: outcomes = []: nothing is asked about; allowed: retention",
    ),
    "an unknown firm asked about": (
        changed("seeds = 2", 'focal = "Aurra"'),
        "price.toml: focal = 'Aurra': no such firm; did you mean \"Aurora\"?",
    ),
    # the other kinds
    "options of a sweep": (
        changed("[set]", "[options]\nworlds = 9\n[set]"),
        'price.toml: options: of no use to kind = "sweep"; allowed: in a sens',
    ),
    "a design of a search": (
        changed("seeds = 2", 'kind = "optimise"\ndesign.kind = "grid"'),
        'design: of no use to kind = "optimise"; allowed: in a sw',
    ),
    "until in a tournament": (
        changed("seeds = 2", 'kind = "tournament"\nuntil = "ci=5%"').replace(PRICES, ""),
        'until: of no use to kind = "tournam',
    ),
    "varied in a tournament": (
        changed("seeds = 2", 'kind = "tournament"'),
        'price.toml: vary: of no use to kind = "tournament"',
    ),
    "two outcomes of one answer": (
        changed("seeds = 2", 'kind = "robustness"\noutcomes = ["profit", "retention"]'),
        "price.toml: outcomes = ['profit', 'retention']; allowed: one, for kind = \"robustness\"",
    ),
    "an unknown option": (
        changed("seeds = 2", 'kind = "robustness"\noptions.world = 9'),
        'price.toml: world: unknown key "world"; did you mean "worlds"? valid: worlds',
    ),
    "too few worlds": (
        changed("seeds = 2", 'kind = "robustness"\noptions.worlds = 3'),
        "price.toml: worlds = 3: should be greater than or",
    ),
    "worlds without arms": (
        changed("seeds = 2", 'kind = "robustness"').replace('"baseline"', '"baseline:equal"'),
        "arms: nothing to choose between",
    ),
    "a comparison with nobody": (
        changed("seeds = 2", 'kind = "compare"\noptions.baseline = "equl"').replace(PRICES, ""),
        "price.toml: options.baseline = 'equl': no such arm; did you mean \"equal\"?",
    ),
    "a comparison without arms": (
        changed("seeds = 2", 'kind = "compare"').replace('"baseline"', '"baseline:equal"').replace(PRICES, ""),
        "arms = []: nothing to compare; allowed: two arms or more",
    ),
    "a comparison of what varies": (
        changed("seeds = 2", 'kind = "compare"'),
        'price.toml: vary: of no use to kind = "compare"; allowed: in a sweep or',
    ),
    "a comparison in one outcome": (
        changed("seeds = 2", 'kind = "compare"\noutcomes = "profit"').replace(PRICES, ""),
        'price.toml: outcomes: of no use to kind = "compare"; allowed: in a sweep or',
    ),
    "an option of no comparison": (
        changed("seeds = 2", 'kind = "compare"\noptions.against = "equal"').replace(PRICES, ""),
        'price.toml: against: unknown key "against"',
    ),
    "a size that is no power": (
        changed("seeds = 2", 'kind = "sensitivity"\noptions.size = 6'),
        "price.toml: options.size = 6: is no size of a Sobol' sequence; allowed: 2, 4, 8, 16",
    ),
    "against itself": (
        changed("seeds = 2", 'kind = "sensitivity"\noptions.against = "equal"').replace(
            '"baseline"', '"baseline:equal"'
        ),
        "price.toml: options.against = 'equal': is what it is held against; allowed: another arm",
    ),
    "against nobody": (
        changed("seeds = 2", 'kind = "sensitivity"\noptions.against = "equl"'),
        'price.toml: options.against = \'equl\': no arm is called "equl"; did you mean "equal"?',
    ),
    "an end that is not allowed": (
        changed("seeds = 2", 'kind = "sensitivity"').replace(
            PRICES, '"firms.Aurora.quality" = { low = 0.5, high = 1.5 }'
        ),
        "price.toml: vary: firms.Aurora.quality = 1.5: should be less than or equal to 1",
    ),
    "a search of nothing": (
        changed("seeds = 2", 'kind = "optimise"').replace(PRICES, ""),
        "price.toml: vary: no lever of the firm",
    ),
    "a player that is not there": (
        changed("seeds = 2", 'kind = "tournament"\noptions.strategies = ["equl", "cut_price"]').replace(PRICES, ""),
        'no arm or strategy is called "equl"; did you mean "equal"?',
    ),
    "one player": (
        changed("seeds = 2", 'kind = "tournament"\noptions.strategies = ["equal", "equal"]').replace(PRICES, ""),
        "price.toml: options.strategies = ['equal']: nobody to play against; allowed: two or more",
    ),
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_one_line_and_exit_code_2_and_nothing_runs(text: str | bytes, said: str) -> None:
    done = study(text)
    assert done.exit_code == 2, (done.output, done.exception)
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not Path("stores").exists()
    assert not Path("reports").exists()


@pytest.mark.usefixtures("folder")
def test_two_mistakes_in_what_is_set_are_a_line_each() -> None:
    done = study(changed('"customers.count" = 60', '"customers.count" = 0\n"periods" = "x"'))
    lines = done.stderr.splitlines()
    assert done.exit_code == 2
    assert sorted(line.partition(" = ")[0] for line in lines) == [
        "price.toml: set: customers.count", "price.toml: set: periods",
    ]  # fmt: skip


def test_a_study_file_that_is_not_there_is_told(folder: Path) -> None:
    done = CliRunner().invoke(main, ["study", "none.toml"])
    assert done.exit_code == 2
    assert done.stderr == "none.toml: cannot be read: No such file or directory; allowed: a study file\n"
    done = CliRunner().invoke(main, ["study", str(folder)])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("place", ["store", "page"])
def test_a_store_or_a_page_that_cannot_be_written_is_told_before_anything_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (folder / "file").write_text("mine")
    option, other = ("--store", "--out") if place == "store" else ("--out", "--store")
    done = study(GOOD, option, "file", other, "elsewhere")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("file")
    assert (folder / "file").read_text() == "mine"


def test_a_store_that_may_only_be_read_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments import saved
    from experiments.study.store import Store

    Store(folder / "kept")

    def read_only(dir: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(saved.tempfile, "TemporaryFile", read_only)
    done = study(GOOD, "--store", "kept")
    assert done.exit_code == 2
    assert done.stderr == "kept: cannot be written: Permission denied; allowed: a folder you may write to\n"
    assert CliRunner().invoke(main, ["status", "kept"]).exit_code == 0
    assert CliRunner().invoke(main, ["query", "kept", "select count(*) from runs"]).exit_code == 0


@pytest.mark.parametrize("words", [["--vary", "firms.Aurora.price=0.9,1.1"], []])
@pytest.mark.usefixtures("folder")
def test_a_setting_varied_twice_is_told(words: list[str]) -> None:
    done = CliRunner().invoke(main, ["sweep", "baseline", *words, "--vary", "periods=20,30", "--vary", "periods=40,50"])
    assert done.exit_code == 2
    assert done.stderr == "--vary = 'periods': is varied twice; allowed: each path once\n"


def test_a_file_of_windows_is_read_like_any_other(folder: Path) -> None:
    (folder / "study.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_study(folder / "study.toml").points() == [{"firms.Aurora.price": 0.9}, {"firms.Aurora.price": 1.1}]


def test_with_a_width_as_many_seeds_are_allowed_as_a_comparison_has() -> None:
    raw = {"title": "t?", "scenario": "baseline", "until": "ci=1%", "vary": {"firms.Aurora.price": [1, 2]}}
    assert len(study_of(raw).seed_range) == 1000
    assert len(study_of({**raw, "seeds": 40}).seed_range) == 40


@pytest.mark.parametrize(
    ("file", "name"),
    [("price.toml", "price"), ("Runs.toml", "Runs-study"), ("_once.toml", "_once-study"), ("ä b.toml", "b"),
     ("..toml", "study"), (f"{'x' * 200}.toml", "x" * 80)],
)  # fmt: skip
def test_a_study_goes_by_a_name_that_no_table_of_a_store_has(folder: Path, file: str, name: str) -> None:
    (folder / file).write_text(GOOD)
    assert load_study(folder / file).name == name


def test_one_outcome_needs_no_list() -> None:
    raw = {"title": "t?", "scenario": "baseline", "outcomes": "equity", "vary": {"firms.Aurora.price": [1, 2]}}
    assert study_of(raw).outcomes == ("equity",)


def test_arms_of_a_mapping_are_what_is_compared() -> None:
    three = dict(list(arms_of("baseline").items())[:3])
    with pytest.raises(InputError, match="too many; allowed: one, or two to compare"):
        sensitivity(three, {"firms.Aurora.price": (0.9, 1.1)}, progress=False)
