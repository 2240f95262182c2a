# The commands of this project. `make demo` and `make test` do all the set-up that they need.
# What they run with: after `make setup`, `. ./env.sh` gives the same to your own shell.

PYTHON ?= python3

.PHONY: help setup demo test quick data lint check man docs bench torture fuzz audit floors clean

SECONDS ?= 60

help:
	@echo 'make demo     train a classifier from R, evaluate it, plot it, open it in Python'
	@echo 'make test     lint, types, both test suites, interop, R CMD check'
	@echo 'make setup    install what pycifar needs, and write env.sh'
	@echo 'make quick    before each commit: lint, types, and every test that trains nothing'
	@echo 'make data     what looks for CIFAR-10: its tests, and each vignette by itself'
	@echo 'make lint     ruff, mypy, air, lintr'
	@echo 'make check    air, lintr, R CMD check, and how many lines the tests of R and Python reach'
	@echo 'make docs     the website of both languages, in site/, with its links checked'
	@echo 'make man      write man/ and NAMESPACE from the comments in R/'
	@echo 'make bench    measure again: BENCH="step_rate limit" these alone, else all, for hours'
	@echo 'make torture  kill trainings, fill disks, read hostile and damaged files, by the thousand'
	@echo 'make fuzz     let atheris look for inputs that do harm, SECONDS=60 for each reader'
	@echo 'make audit    look for known vulnerabilities of what is installed; needs a network'
	@echo 'make floors   run the Python tests on the oldest versions that pyproject.toml allows'
	@echo 'make clean    remove what the other targets made, the environments included'

setup:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'pycifar needs Python 3.11 or newer: make PYTHON=/path/to/python3 setup' >&2; exit 1; }
	@$(PYTHON) -m tools.setup

demo: setup
	@. ./env.sh && Rscript tools/demo.R

test: setup
	@. ./env.sh && python -m tools.checks

quick: setup
	@. ./env.sh && python -m tools.checks --two-at-once ruff mypy air lintr python-quick r-quick

data: setup
	@. ./env.sh && python -m tools.checks python-data r-data interop-data vignettes

lint: setup
	@. ./env.sh && python -m tools.checks ruff mypy air lintr

check: setup
	@. ./env.sh && python -m tools.checks air lintr r-cmd-check python-coverage r-coverage

man: setup
	@. ./env.sh && Rscript -e 'roxygen2::roxygenise()'

docs: setup
	@. ./env.sh && python -m tools.site

bench: setup
	@. ./env.sh && python -m pip install --quiet --editable '.[dev,bench]' && python benchmarks/measure_all.py $(BENCH)

torture: setup
	@. ./env.sh && python -m tools.torture --output benchmarks/results/faults.json

fuzz: setup
	@. ./env.sh && python -m pip install --quiet --editable '.[dev,fuzz]' && python -m tools.torture.guided $(SECONDS)

audit: setup
	@. ./env.sh && python -m pip install --quiet 'pip-audit>=2.10' && python -m pip_audit --local --skip-editable
	@. ./env.sh && mkdir -p .check && python -m tools.floors --list > .check/floors.txt && \
	  python -m pip_audit --requirement .check/floors.txt --no-deps --disable-pip

floors: setup
	@. ./env.sh && python -m tools.floors

clean:
	rm -rf site .venv .rlib .check .floors env.sh
