"""The benchmark: ``make bench``, or ``python -m benchmarks --quick`` for a try in two minutes."""

from __future__ import annotations

import json
from pathlib import Path

import click

from benchmarks import measure, plots, report
from benchmarks.engines import ROOT


@click.command()
@click.option("--quick", is_flag=True, help="Small towns and few rounds: a try, not the measurement.")
@click.option("--write-only", is_flag=True, help="Write the page and its plots again, from the data of the last time.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=ROOT / "docs", show_default="docs", help="Folder of the page."
)
def main(quick: bool, write_only: bool, out: Path) -> None:
    """Measure speed and memory beside other frameworks; write performance.md, its plots and the data."""
    path = out / "performance.json"
    if not write_only:
        data = measure.measure_all(measure.QUICK if quick else measure.FULL, lambda text: click.echo(text, err=True))
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    data = json.loads(path.read_text(encoding="utf-8"))
    (out / "performance.md").write_text(report.write(data), encoding="utf-8")
    plots.draw(data, out)
    click.echo(out / "performance.md")


if __name__ == "__main__":
    main()
