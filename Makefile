# The commands of the project. Those that need `make setup` run it first.
.DELETE_ON_ERROR:
.PHONY: help setup demo serve test checks django-checks chromium format bench chaos lock clean-data

BIN := .venv/bin
READY := .venv/.installed
WORKERS ?= 3
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)

# Whatever the environment says, keep bytecode: every process starts a quarter faster with it.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 14

setup: $(READY) ## Create the virtual environment with all dependencies

# A stamp that is missing beside a virtual environment means an interrupted setup: start over.
$(READY): requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed (set PYTHON=…)" >&2; exit 1; }
	@$(PYTHON) -m ensurepip --version >/dev/null || \
		{ echo "Python lacks venv; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@if test -f $@; then rm $@; else $(PYTHON) -m venv --clear .venv; fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement requirements-dev.txt
	@touch $@

demo: setup ## Run the product and show it at work (ARGS=--exit stops it afterwards)
	@exec $(BIN)/python -m devstack --die-with-parent demo $(ARGS)

serve: setup ## Run the product until Ctrl-C (PORT=8000, STORAGE=s3)
	@exec $(BIN)/python -m devstack --die-with-parent serve

test: setup checks chromium ## Run everything CI runs, up to the first failure
	$(BIN)/python -m pytest --numprocesses $(WORKERS) $(ARGS)

checks: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python -m devstack run -- $(MAKE) --no-print-directory django-checks

django-checks: export DJANGO_SETTINGS_MODULE := sartiq.settings.testing
django-checks:
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check
	$(BIN)/python manage.py check_openapi

# The browser tests drive Debian's Chromium; without its own windows it needs half the CPU time.
CHROMIUM ?= $(shell command -v chromium-headless-shell || command -v chromium || \
	command -v chromium-browser || command -v google-chrome)
export CHROMIUM
chromium:
	@if test -n "$(CHROMIUM)" && test -x "$(CHROMIUM)"; then exit 0; fi; \
	if test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
			chromium-headless-shell; \
	else \
		echo "The browser tests need Chromium: sudo apt-get install chromium-headless-shell" >&2; exit 1; \
	fi

format: setup ## Format the code and apply the linter's fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## Measure the product (ARGS=--help lists the benchmarks)
	$(BIN)/python -m benchmarks $(ARGS)

chaos: setup ## Break services of a running product and check that it recovers (ARGS=--help lists how)
	$(BIN)/python -m chaos $(ARGS)

COMPILE := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url \
	--only-binary :all: --find-links wheels --emit-find-links
lock: setup ## Compile the pinned dependencies
	$(COMPILE) requirements.in --output-file requirements.txt
	$(COMPILE) requirements-dev.in --output-file requirements-dev.txt

clean-data: ## Remove the data of make serve and make demo
	@if test -x $(BIN)/python; then exec $(BIN)/python -m devstack clean-data; fi
