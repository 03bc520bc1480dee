# Each target sets up what it needs. PYTHON names the interpreter (3.11 or newer).
PYTHON ?= python3
PHOTOS ?= $(HOME)/Pictures
VENV := .venv
BIN := $(VENV)/bin
CORE := $(VENV)/.core
READY := $(VENV)/.ready
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt
# Compiled once: a command then starts in half of the time, also where Python is told to write no bytecode.
COMPILE = $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib build || true
# Status 3 says that some photos could not be read: the scan told so, and it is no failure of make.
SOME_FAILED := test $$? -eq 3

.PHONY: scan test test-all demo check bench docs clean

scan: $(CORE)  ## scan a folder of photos: make scan PHOTOS=~/Pictures
	$(BIN)/photoidx scan "$(PHOTOS)" || $(SOME_FAILED)

test: $(READY)  ## run the tests that take less than some ten seconds each
	scripts/test -m "not slow"

test-all: test  ## run the others, too: killed scans, soaks, trainings, whole measurements
	scripts/test -m slow

demo: $(CORE)  ## make a sample album, scan it, ask a first question, and pick the best of its burst
	$(INSTALL) --group demo
	$(BIN)/python scripts/demo.py demo-album
	$(BIN)/photoidx scan demo-album --library demo-library || $(SOME_FAILED)
	$(BIN)/photoidx failures --library demo-library --format table
	$(BIN)/photoidx sql --library demo-library --format table \
	  "SELECT name, model, taken_at, top_label FROM photos ORDER BY taken_at"
	$(BIN)/photoidx best --burst --library demo-library --format table

check: $(READY)  ## linters, types, import rules, and generated docs
	scripts/check

bench: $(READY)  ## cost of a scan against the floor
	$(BIN)/python scripts/bench.py

docs: $(READY)  ## write the generated pages again
	$(BIN)/python scripts/generate_docs.py

clean:
	rm -rf $(VENV) build demo-album demo-library

# What `photoidx scan` and its questions need. The tests need torch, the other models and their own tools, too.
$(CORE): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	$(INSTALL) --editable .
	$(COMPILE)
	touch $(CORE)

$(READY): $(CORE)
	$(INSTALL) --group dev --editable ".[models]"
	$(COMPILE)
	touch $(READY)
