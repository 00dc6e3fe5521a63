# One command for each task, from a fresh clone: the first one creates .venv.
.DEFAULT_GOAL := help
.PHONY: help demo test quick quick-oldest long-guards lint format bench schemas clean

BIN := .venv/bin
JOBS := 6
STAMP := .venv/.as-in-pyproject
# The first interpreter that is new enough; `make PYTHON=/path/to/python test` overrides.
CANDIDATES := $(PYTHON) python3.11 python3.12 python3.13 python3
NEW_ENOUGH := 'import sys; sys.exit(sys.version_info < (3, 11))'

help:
	@echo "make demo    the whole system on this machine, on real ICU stays"
	@echo "make quick   the tests without broker, database, browser or other program: a minute"
	@echo "make test    every test; of those that take a guard out a third, by turns"
	@echo "make lint    style, types, layers, generated schemas"
	@echo "make quick-3.11, make quick-3.13, make quick-oldest"
	@echo "             the quick tests on that Python; on the oldest dependencies that pyproject.toml allows"
	@echo "make containers  the compose system on a container engine of its own, with its faults (root, Debian)"
	@echo "make long-guards  every test that takes a guard out"
	@echo "make bench   benchmarks"
	@echo "make format  formats the code with ruff"
	@echo "make schemas writes the JSON Schemas"
	@echo "make mutation  mistakes planted in lines that changed lately, which a quick test must notice"
	@echo "make long-oracle, long-fuzz, long-mutation, long-faults, long-soak  proofs of hours"
	@echo "make lock    every package of the image, with hashes"
	@echo "make clean   removes .venv, caches and output"

$(STAMP): pyproject.toml
	@for python in $(CANDIDATES); do \
	  if command -v "$$python" >/dev/null 2>&1 && "$$python" -c $(NEW_ENOUGH) 2>/dev/null; then found="$$python"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "crs-monitor needs Python 3.11 or newer; tried: $(CANDIDATES)." >&2; \
	  echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or use make PYTHON=/path/to/python" >&2; \
	  exit 1; \
	fi; \
	if [ ! -x $(BIN)/python ] || ! $(BIN)/python -c $(NEW_ENOUGH); then \
	  echo "making .venv with $$found"; \
	  "$$found" -m venv --clear .venv || { rm -rf .venv; echo "Is the package python3-venv installed?" >&2; exit 1; }; \
	fi
	@echo "installing the packages of pyproject.toml"
# uv takes a tenth of pip's time; pip knows the settings of pip.conf, as of an index of one's own.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[dev]' || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP)
	@$(BIN)/crs-monitor demo

# `make .venv` only installs.
.venv: $(STAMP)

# The tests mostly wait for brokers, pagers and browsers: six files at once suit two cores.
PYTEST := -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder
# Quick tests never wait: one file a core.
QUICK := -m pytest --quick --numprocesses auto --dist loadfile --no-loadscope-reorder
# Which part of the tests that take turns is due: by the commit and the day, so that on average all take as many.
TURN := $(shell (git rev-parse HEAD 2>/dev/null; date +%F) | cksum | cut -d' ' -f1)

test: $(STAMP)
	@TEST_TURN=$(TURN) $(BIN)/python $(PYTEST)

quick: $(STAMP)
	@$(BIN)/python $(QUICK)

long-guards: $(STAMP)
	@$(BIN)/python $(PYTEST) -m by_turns

# On a build server two of the eight faults, by turns; elsewhere all of them.
.PHONY: containers
containers: $(STAMP)
	@$(if $(CI),TEST_TURN=$(TURN)) deploy/trial/run.sh

# Another Python, found or fetched, with an environment of its own in .venvs/.
quick-3.%: .venvs/3.%/.as-in-pyproject
	@.venvs/3.$*/bin/python $(QUICK)

quick-oldest: .venvs/oldest/.as-in-pyproject
	@.venvs/oldest/bin/python $(QUICK)

OLDEST_PYTHON := 3.11
ENVIRONMENT = version=$(1); python=$$(PATH="$(CURDIR)/$(BIN):$$PATH" .ci/find_python $$version .venvs/python-$$version) && \
	$(BIN)/uv venv --quiet --clear --python "$$python" $(@D) && \
	$(BIN)/uv pip install --quiet --python $(@D)/bin/python $(2) --editable '.[dev]' && touch $@

.venvs/3.%/.as-in-pyproject: $(STAMP)
	@$(call ENVIRONMENT,3.$*,)

# A lower bound that is missing or too low in pyproject.toml fails here.
.venvs/oldest/.as-in-pyproject: $(STAMP)
	@$(call ENVIRONMENT,$(OLDEST_PYTHON),--resolution lowest-direct)

# Every check runs, also after one has failed, so that one run reports everything.
lint: $(STAMP)
	@failed=0; \
	for check in "ruff check ." "ruff format --check ." "mypy" "lint-imports" "python -m agents.cli.schemas --check"; do \
	  echo "== $$check"; $(BIN)/$$check || failed=1; \
	done; \
	exit $$failed

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(STAMP)
	@$(BIN)/python -m agents.cli.schemas

bench: $(STAMP)
	@set -e; for each in benchmarks/[a-z]*.py; do \
	  name=$$(basename "$$each" .py); echo "== $$name"; $(BIN)/python -m "benchmarks.$$name"; \
	done

clean:
	rm -rf .venv .venvs build dist out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Every package of the image, with the hashes of its files; universal: any platform, Python 3.11 or newer.
.PHONY: lock
LOCK := -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-config \
  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
lock: $(STAMP)
	@$(BIN)/python $(LOCK) $(LOCK_UPGRADE) pyproject.toml --extra history --extra notify --output-file deploy/requirements.lock
	@$(BIN)/python $(LOCK) $(LOCK_UPGRADE) deploy/build.in --output-file deploy/build.lock

# At most 40 mistakes planted in lines that changed lately; SINCE=COMMIT for others, `python -m tests.mutation` for all.
.PHONY: mutation
SINCE := HEAD~10
mutation: $(STAMP)
	@$(BIN)/python -m tests.mutation --changed-since $(SINCE) --sample 40

# Proofs that take longer than a build has, `make long-oracle ARGS="--wards 500"`; results in benchmarks/results/.
LONG := long-oracle long-fuzz long-mutation long-faults long-soak
.PHONY: $(LONG)
$(LONG): $(STAMP)
	@$(BIN)/python -m benchmarks.long.$(@:long-%=%) $(ARGS)
