# Two commands do everything: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test setup lint bench gallery clean

demo: setup  ## run the main job on the shipped scenarios and show the result
	$(BIN)/loyalty demo --out reports/demo

test: setup lint  ## run the checks and the tests
	$(BIN)/pytest -q --numprocesses auto --dist worksteal

setup: .venv/installed  ## leave .venv/bin/loyalty ready


.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

lint: setup  ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: setup .venv-bench/installed  ## speed and memory, beside Mesa, AgentPy and mesa-frames: writes docs/performance.md
	$(BIN)/python -m benchmarks $(BENCH)

.venv-bench/installed: benchmarks/agentpy.txt benchmarks/mesa-frames.txt constraints.txt
	$(PYTHON) -m venv .venv-bench/agentpy
	.venv-bench/agentpy/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --requirement benchmarks/agentpy.txt
	$(PYTHON) -m venv .venv-bench/mesa-frames
	.venv-bench/mesa-frames/bin/pip install --quiet --disable-pip-version-check --requirement benchmarks/mesa-frames.txt \
		|| { echo "mesa-frames cannot be had here and will not be measured"; rm -rf .venv-bench/mesa-frames; }
	touch $@

gallery: setup  ## what every shipped scenario answers: writes docs/scenarios.md
	$(BIN)/python -m experiments.gallery

clean:
	rm -rf .venv .venv-bench .mypy_cache .ruff_cache .pytest_cache reports data
