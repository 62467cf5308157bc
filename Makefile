# The two commands of the README: `make demo` and `make test`. Everything lives in .venv.
PYTHON ?= python3
BIN := .venv/bin

# Hundreds of processes are started: what they import is compiled once, whatever is set outside.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test lint soak bench bench-world bench-fits bench-adaptive lock audit prove prove-maps prove-fits fuzz check clean
.DELETE_ON_ERROR:

.venv/.demo: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e ".[demo]"
	touch $@

.venv/.dev: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e ".[demo,dev]"
	touch $@ .venv/.demo

demo: .venv/.demo
	$(BIN)/kammerton demo --once

# Kernels are compiled first: two processes that compile the same ones at once take twice as long.
# The order stays: long files with few tests, those of the whole daemon, would come last otherwise.
# Three at once on two cores: a fourth of a test's time it only waits.
test: .venv/.dev
	$(BIN)/python -m tests.warm
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

bench: .venv/.dev
	$(BIN)/python -m tests.benchmarks

# The simulated laboratory; peers are skipped where they are not installed (extra bench-peers).
bench-world: .venv/.dev
	$(BIN)/python -m tests.benchmarks.world > docs/bench-world.md

# Every kind of fit beside peers; what is measured is kept in docs/fits/, so that a run can be
# stopped. ARGS="--plan", "--section honesty --kind t1", "--document", "--quick".
bench-fits: .venv/.dev
	@$(BIN)/python -m tests.benchmarks.fits_table $(ARGS)

# Other examples for every property that is tested, and more of them; then a minute of atheris on
# the simulated instruments: it says so where atheris does not install.
fuzz: .venv/.dev
	$(BIN)/python -m pytest -n 2 -m hypothesis --hypothesis-profile=wide --timeout 900
	-$(BIN)/python -m pip install --quiet atheris
	$(BIN)/python -m tests.fuzzing

# Every fault of docs/reliability.md, many times; hours. ARGS="--quick", "--only kill-loop", "--list".
prove: .venv/.dev
	@$(BIN)/python -m tests.prove $(ARGS)

# A daemon left alone for ARGS="--hours 1 --qubits 5": memory, threads and file descriptors stay flat.
soak: .venv/.dev
	@$(BIN)/python -m tests.prove --only soak $(ARGS)

# 2,000 maps of each class without a line (KAMMERTON_MAPS), ten minutes; none accepted. Also in docs/fits.md.
prove-maps: .venv/.dev
	KAMMERTON_MAPS=2000 $(BIN)/python -m pytest -q -k "nothing_is_accepted or moves_no_resonator" \
		$(addprefix tests/unit/estimation/test_,qubit_flux.py resonator_flux.py cz_chevron.py punch_out.py avoided_crossing.py)

# 10,000 traces of every class without a signal (KAMMERTON_TRACES) instead of some hundreds.
prove-fits: .venv/.dev
	KAMMERTON_TRACES=10000 $(BIN)/python -m pytest -q -k "nothing_is_found or is_not_accepted or is_no_pair" \
		$(addprefix tests/unit/estimation/test_,dispersive.py drift.py standing_waves.py)

bench-adaptive: .venv/.dev
	@$(BIN)/python -m tests.benchmarks.adaptive

# requirements.lock: every dependency at one version, each of its files by SHA-256, for all platforms.
lock: .venv/.dev
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
		--extra demo --extra postgresql --extra dev pyproject.toml -o requirements.lock

# Are there known weaknesses in what is locked? Asks a public database.
audit: .venv/.dev
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/pip-audit --require-hashes --disable-pip -r requirements.lock

clean:
	rm -rf .venv kammerton-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
