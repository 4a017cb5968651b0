"""Reading a purchase log: what is recognised, every refusal, and the public log that we write."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal

from experiments.data import write_cdnow
from sim.demand import load_demand
from sim.errors import InputError
from sim.purchase_log import read_log


@pytest.fixture(scope="module")
def cdnow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cdnow(tmp_path_factory.mktemp("cdnow") / "cdnow.csv")


LINES = [f"c{k % 40},2024-{1 + k % 12:02d}-{1 + k % 28:02d},{10 + k % 7}.50" for k in range(400)]


def text_log(tmp_path: Path, *, header: str = "customer,date,amount", lines: list[str] = LINES) -> Path:
    path = tmp_path / "log.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("header", ["customer,date,amount", "Customer_ID,DATE,Spend", "id, date ,value"])
def test_headers_that_are_recognised(tmp_path: Path, header: str) -> None:
    log = read_log(text_log(tmp_path, header=header))
    assert list(log.columns) == ["customer", "date", "amount"]
    assert len(log) == 400
    assert pd.api.types.is_datetime64_any_dtype(log.date)
    assert log.amount.sum() == pytest.approx(sum(float(line.split(",")[2]) for line in LINES))
    assert_frame_equal(log, log.sort_values(["customer", "date"], kind="stable", ignore_index=True))


def test_columns_may_be_named_and_others_are_passed_over(tmp_path: Path) -> None:
    lines = [f"x{k},{line},7" for k, line in enumerate(LINES)]
    path = text_log(tmp_path, header="id,Who,When,Paid,discs", lines=lines)
    names = {"customer": "who", "date": "when", "amount": "paid"}
    log = read_log(path, columns=names)
    assert log.customer.nunique() == 40
    assert load_demand(path, columns=names).n_customers == 40


@pytest.mark.parametrize(
    "written", ["2024-02-29", "20240229", "2024-02-29 23:59", "2024-02-29T23:59:10.5Z", "2024-02-29T01:00:00+09:00"]
)
def test_dates_that_are_read(tmp_path: Path, written: str) -> None:
    """The day is taken as written; blank lines and a byte-order mark are no matter."""
    path = text_log(tmp_path, header="\ufeffcustomer,date,amount", lines=[*LINES, "", f'"new, one",{written}, 3 '])
    row = read_log(path).set_index("customer").loc["new, one"]
    assert row["date"] == pd.Timestamp("2024-02-29")
    assert row["amount"] == 3.0


@pytest.mark.parametrize(
    ("bad", "parts"),
    [
        ("c1,2024-13-01,5", ["line 402, date = '2024-13-01'", "not a date", "1997-09-30"]),
        ("c1,2023-02-29,5", ["line 402, date = '2023-02-29'"]),
        ("c1,01/02/2024,5", ["line 402, date = '01/02/2024'"]),
        ("c1,2024-02-01 noon,5", ["line 402, date = '2024-02-01 noon'"]),
        ("c1,2024-0201,5", ["line 402, date = '2024-0201'"]),
        ("c1,,5", ["line 402, date = ''"]),
        ("c1,2024-01-01,five", ["line 402, amount = 'five'", "not an amount", "12.50"]),
        ('c1,2024-01-01,"1,200"', ["line 402, amount = '1,200'"]),
        ("c1,2024-01-01,inf", ["line 402, amount = 'inf'"]),
        ("c1,2024-01-01,nan", ["line 402, amount = 'nan'"]),
        ("c1,2024-01-01,1e13", ["line 402, amount = '1e13'"]),
        ("c1,2024-01-01", ["line 402, amount = ''"]),
        ("c1,2024-01-01,-5", ["line 402, amount = '-5'", "negative", "0 or more"]),
        (" ,2024-01-01,5", ["line 402, customer = ''", "no customer"]),
        ("c1,2024-01-01,5,extra", ["not a CSV file", "line 402"]),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: str, parts: list[str]) -> None:
    path = text_log(tmp_path, lines=[*LINES, bad])
    with pytest.raises(InputError) as caught:
        read_log(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    for part in [*parts, "allowed: "]:
        assert part in message


def test_the_first_of_several_bad_lines_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 4, date = 'x': not a date \(and 1 more such\)"):
        read_log(text_log(tmp_path, lines=[LINES[0], "", "c1,x,5", "c1,y,5", *LINES]))


@pytest.mark.parametrize(
    ("header", "columns", "message"),
    [
        ("customer,day,amount", None, r"date: no column of that name .*customer, day, amount.*allowed: date"),
        ("customer;date;amount", None, r"customer: no column .*customer or customer_id or id, in a comma-separated"),
        ("customer,date,price", None, r"amount: no column .*amount or value or spend"),
        ("customer,date,amount", {"amount": "paid"}, r"amount: no column .*allowed: paid"),
        ("customer,date,amount", {"amout": "amount"}, r'columns\.amout: .*did you mean "amount"\?'),
        ("date,Date,amount", {"customer": "amount"}, r'date: two columns are called "date"'),
    ],
)
def test_a_bad_header_is_told(tmp_path: Path, header: str, columns: dict[str, str] | None, message: str) -> None:
    path = text_log(tmp_path, header=header)
    if ";" in header:
        path.write_text(path.read_text().replace(",", ";"))
    with pytest.raises(InputError, match=message):
        read_log(path, columns=columns)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe\x00", "not a CSV file"),
        (b"customer,date,amount\n", "a header and no purchases"),
        (b"customer,date,amount\n,,\n\n", "a header and no purchases"),
    ],
)
@pytest.mark.parametrize("read", [read_log, load_demand])
def test_a_file_that_is_no_log(tmp_path: Path, read: object, content: bytes | None, message: str) -> None:
    path = tmp_path / "log.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read(path)  # type: ignore[operator]
    assert str(path) in str(caught.value)


def test_a_compressed_log_is_no_csv(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(text_log(tmp_path).read_bytes()))
    with pytest.raises(InputError, match="not a CSV file"):
        read_log(path)


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    for read in (read_log, load_demand):
        with pytest.raises(InputError, match="Is a directory"):
            read(tmp_path)


@settings(max_examples=200, deadline=None)
@given(content=st.one_of(st.binary(max_size=300), st.text(alphabet='ca,12-\n\r"; é\x00', max_size=200).map(str.encode)))
@example(content=b"customer,date,amount\nc,2024-01-01,1+2j\n")
@example(content=b"customer,date,amount\nc,0000-01-01,99999999999999999999999\n")
@example(content=b'customer,date,amount\n"c,2024-01-01,1\n')
def test_no_content_gets_past_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Whatever stands in a small file, the answer is an InputError: it has not 30 customers."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"customer,date,amount\n" + content)
    with pytest.raises(InputError):
        read_log(path)
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_log(path)


# logs that are too small


def test_too_few_customers(tmp_path: Path) -> None:
    path = text_log(tmp_path, lines=[line for line in LINES if int(line[1:].split(",")[0]) < 29])
    with pytest.raises(InputError, match="29 customers, too few to fit demand; allowed: at least 30"):
        read_log(path)


def test_a_log_of_one_day(tmp_path: Path) -> None:
    lines = [f"c{k},2024-01-01,5" for k in range(50)]
    with pytest.raises(InputError, match="date = '2024-01-01': all purchases are on one day"):
        read_log(text_log(tmp_path, lines=lines))


# writing CDNOW


def test_cdnow_file_is_the_whole_sample(cdnow: Path) -> None:
    rows = pd.read_csv(cdnow, dtype={"customer": str})
    assert list(rows.columns) == ["customer", "date", "amount"]
    assert len(rows) == 6919
    assert rows.customer.nunique() == 2357
    assert rows.customer.str.len().eq(5).all()  # leading zeros kept
    assert rows.date.iloc[0] == "1997-01-01"
    assert (rows.amount == 0.0).sum() == 8


def test_write_cdnow_makes_folders_and_replaces_whole(tmp_path: Path, cdnow: Path) -> None:
    out = tmp_path / "new" / "folder" / "cdnow.csv"
    assert write_cdnow(out) == out
    assert out.read_bytes() == cdnow.read_bytes()
    out.write_text("old")
    write_cdnow(out)
    assert out.read_bytes() == cdnow.read_bytes()
    assert_array_equal([path.name for path in out.parent.iterdir()], ["cdnow.csv"])


def test_write_cdnow_where_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"file/cdnow\.csv: cannot be written"):
        write_cdnow(tmp_path / "file" / "cdnow.csv")
    with pytest.raises(InputError, match="is a folder"):
        write_cdnow(tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: pd.DataFrame, path: Path, **_: object) -> None:
        path.write_text("half a")
        raise OSError(28, "No space left on device")

    out = tmp_path / "cdnow.csv"
    out.write_text("old")
    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    with pytest.raises(InputError, match="No space left on device"):
        write_cdnow(out)
    assert out.read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_write_cdnow_without_lifetimes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "loyalty\[dev\]"'):
        write_cdnow(tmp_path / "cdnow.csv")
    assert not (tmp_path / "cdnow.csv").exists()
