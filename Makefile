# `make venv HASHES=1` installs the files that hashes.txt names by their SHA-256, and no others.
# One command from a bare machine with Python >= 3.11: every target installs what it needs first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: venv demo test test-all lint fuzz bench validators clean

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
ifdef HASHES
	$(BIN)/pip install --quiet --no-deps --require-hashes -r hashes.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	$(BIN)/pip check
else
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -c constraints.txt torch
	$(BIN)/pip install --quiet -c constraints.txt -e ".[dev,smplx]"
endif
	touch $(STAMP)
	nohup nice -n 5 $(BIN)/mocap doctor --warm >/dev/null 2>&1 &

demo: venv
	$(BIN)/mocap models fetch movenet blazepose
	$(BIN)/mocap demo demo_output

# On every core, up to four: a file of tests stays on one, so that they share what they set up.
test: venv
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test-all: venv
	$(BIN)/python -m pytest -m ""

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Damaged files for every reader, what once failed first; below a minute of CPU time.
fuzz: venv
	$(BIN)/python tools/fuzz.py --seconds 40

bench: venv
	$(BIN)/python benchmarks/geometry.py --setup --check
	$(BIN)/python benchmarks/people.py --check
	$(BIN)/python benchmarks/imports.py --check
	$(BIN)/python benchmarks/demo_accuracy.py --check
	$(BIN)/python benchmarks/body.py --check
	$(BIN)/python benchmarks/body_views.py --check
	$(BIN)/python benchmarks/measure.py --check
	$(BIN)/python benchmarks/sync.py --check
	$(BIN)/python benchmarks/real_board.py --check
	$(BIN)/python benchmarks/boardless.py --check
	$(BIN)/python benchmarks/understanding.py --check
	$(BIN)/python benchmarks/calibration_faults.py --check
	$(BIN)/python benchmarks/real_footage.py --check
	$(BIN)/python benchmarks/hands.py --check
	$(BIN)/python benchmarks/studio.py --check
	$(BIN)/python benchmarks/pipeline.py --part scale --check
	$(BIN)/python benchmarks/exporters.py --check

# What other programs read in our files; installs them apart, skips what cannot be had.
validators: venv
	$(BIN)/python tools/validators/run.py

clean:
	rm -rf $(VENV) .venv-validators demo_output build *.egg-info
