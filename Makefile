# make run · make test · make check · make bench      (make help lists the rest)

PYTHON ?= python3
PORT   ?= 8000
SECONDS ?= 7200
JOBS   ?= auto
ARGS   ?=

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed

CORES := $(shell getconf _NPROCESSORS_ONLN)
# jobs N: so many processes, unless JOBS says how many
jobs = $(if $(filter auto,$(JOBS)),$(1),$(JOBS))
PARALLEL := $(BIN)/pytest --maxprocesses 8 --dist worksteal
# marked NAME: the files with tests of this mark, so that no others are read for them
marked = $(shell grep -rl --include='test_*.py' 'mark\.$(1)\b' tests)
# Little here opens a port or starts a program.
UNITS    := tests/chatcore tests/chatserver --ignore=tests/chatcore/client --ignore=tests/chatserver/net \
	$(addprefix --ignore=tests/,chatcore/bot/test_network.py chatcore/testing/test_kit.py chatserver/test_app.py) \
	$(wildcard tests/plugins/chat_auth_* tests/plugins/chat_bus_memory tests/plugins/chat_presence tests/plugins/chat_storage_sqlite)

# Where the environment says that nothing compiled is to be kept, each of the hundreds of processes that the tests start would
# compile all of the code anew: a fifth of their time.
unexport PYTHONDONTWRITEBYTECODE
HEARD    := $(addprefix tests/chatserver/,test_sessions.py test_ratelimit.py rest/test_auth.py \
	$(addprefix gateway/test_,opening.py resume.py sight.py))

.DEFAULT_GOAL := help
.PHONY: help install run test retry unit backends backends-all check format bench bench-gateway soak lock upgrade clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 15

install: $(STAMP) ## set up .venv with everything that the lock names

# Wheels only: a machine without a C compiler gets the same as one with it, or a clear refusal.
$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Chatcore needs Python 3.11 or later: make PYTHON=/path/to/python3 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: install ## serve on port 8000 (PORT=…) with the database chat.db in this folder
	$(BIN)/chatcore serve --port $(PORT) $(ARGS)

# In one process more than there are processors, for many tests wait; then what measures time or makes load. pytest ends with
# 1 when tests failed, 5 when none was chosen. After anything else nothing is left to `retry`: nobody knows what would have failed.
test: install ## every test (ARGS="-k name" for some; JOBS=0 for one after the other)
	@all=5; \
	try() { \
		"$$@"; ended=$$?; \
		case $$ended in \
			0) [ $$all -eq 1 ] || all=0 ;; \
			1) all=1 ;; \
			5) ;; \
			*) rm -rf .pytest_cache; exit $$ended ;; \
		esac; \
	}; \
	try $(PARALLEL) -n $(call jobs,$(shell expr $(CORES) + 1)) -m "not alone and not still" $(ARGS); \
	try $(PARALLEL) -n $(call jobs,2) -m still $(ARGS) $(if $(ARGS),,$(call marked,still)); \
	try $(BIN)/pytest -m alone $(ARGS) $(if $(ARGS),,$(call marked,alone)); \
	exit $$all

retry: install ## what failed, once more, one after the other
	$(BIN)/pytest --last-failed --last-failed-no-failures none

unit: install ## the tests of half a minute, while working
	$(PARALLEL) -n $(JOBS) -m "not alone and not programme and not slow" $(ARGS) $(UNITS)

# REST is where a storage is asked for everything. A bus is heard where somebody listens, is thrown out, or is counted.
# The tests wait for databases, and each for a moment in which nothing comes.
backends: install ## what a storage and a bus matter to once more, on PostgreSQL with its own bus and with Redis
	$(PARALLEL) -n $(call jobs,$(shell expr 2 \* $(CORES))) --backend postgres $(ARGS) tests/chatserver/rest $(HEARD)
	$(PARALLEL) -n $(call jobs,$(shell expr 2 \* $(CORES))) --backend redis $(ARGS) $(HEARD)

backends-all: install ## the tests of the server, of the services, and the programme, on both (an hour)
	for each in postgres redis; do \
		$(PARALLEL) -n $(JOBS) -m "not alone and not still" --backend $$each $(ARGS) \
			tests/chatserver tests/chatcore/service tests/programme || exit; \
		$(BIN)/pytest -m "alone or still" --backend $$each $(ARGS) tests/chatserver tests/programme || exit; \
	done

check: install ## format, lint, types, and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## write the format that `make check` wants
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install ## measure, and print a table
	$(BIN)/python -m benchmarks $(ARGS)

bench-gateway: install ## the server and the stack that it replaces under the same load
	$(BIN)/python -m benchmarks.gateway $(ARGS)

soak: install ## two hours of steady load (SECONDS=600 for ten minutes): does anything grow?
	$(BIN)/python -m benchmarks.soak --seconds $(SECONDS)

# Run with the oldest Python that is supported: a later one drops what only the older needs.
EXTRAS  := --extra postgres --extra redis --extra voice
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

lock: install ## write the lock files after a change in pyproject.toml
	$(COMPILE) $(ARGS) $(EXTRAS) --output-file requirements.lock pyproject.toml
	$(COMPILE) $(ARGS) $(EXTRAS) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

upgrade: ## move every pinned version to the newest within the ranges
	$(MAKE) lock ARGS=--upgrade

clean: ## remove what make and the tools made; data stays
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
