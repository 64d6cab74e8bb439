# make demo   a recorded spoken conversation through the real engine
# make test   checks and tests
# Both set up by themselves: Debian packages, .venv, Python packages. `make help` lists the rest.

PYTHON ?= python3
# On a machine without a GPU, TORCH_INDEX=https://download.pytorch.org/whl/cpu takes a build of torch that is a tenth of the size: it is
# searched beside PyPI, which has the pinned versions of what torch needs, and its 2.13.0+cpu counts as newer than PyPI's 2.13.0.
TORCH_INDEX ?=
TORCH := torch==2.13.0
DEBIAN_PACKAGES := espeak-ng flite libsndfile1
# The browser that the page is tested in, and what draws the simulated table without a screen, which only `make test` needs.
test: DEBIAN_PACKAGES += chromium libosmesa6

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq
HAS_PIP := $(BIN)/python -m pip --version >/dev/null 2>&1
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup debian demo test check format wheel clean
.NOTPARALLEL:

help:
	@echo "make demo    play a recorded spoken conversation through the real engine"
	@echo "make test    check, then run the tests"
	@echo "make check   ruff, mypy --strict, import order"
	@echo "make format  ruff's fixes and formatting"
	@echo "make wheel   build dist/roboego-*.whl"
	@echo "make setup   what the others need: Debian packages, .venv, Python packages"
	@echo "make clean   remove what these built (runs/ stays)"

setup: debian $(READY)

# Listeners' voices for data and tests, without which everything else still works, so a machine where they cannot be installed goes on;
# and what a bare Debian's Python lacks to make .venv.
debian:
	@if ! command -v apt-get >/dev/null; then \
		command -v espeak-ng >/dev/null && command -v flite >/dev/null || \
			echo "note: install espeak-ng and flite with your package manager (voices for synthesis and its tests)"; \
		exit 0; \
	fi; \
	missing=; for p in $(DEBIAN_PACKAGES); do \
		dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; \
	done; \
	$(HAS_PIP) || $(PYTHON) -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ]; then sudo=; \
	elif sudo -n true 2>/dev/null; then sudo="sudo -n"; \
	else echo "note: some packages are missing; run: sudo apt-get install$$missing"; exit 0; fi; \
	echo "Installing Debian packages:$$missing"; \
	{ $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; } \
		>/dev/null </dev/null || echo "note: apt-get failed; run it yourself: apt-get install$$missing"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "RoboEgo needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@$(HAS_PIP) || { echo "Making .venv"; $(PYTHON) -m venv --clear .venv; } || \
		{ echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing Python packages into .venv (a few minutes the first time)"
	@$(PIP) install -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $(TORCH)
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup
	@$(BIN)/roboego demo

check: setup
	@echo "ruff"; $(BIN)/ruff check && $(BIN)/ruff format --check
	@echo "mypy"; $(BIN)/mypy
	@echo "import order"; $(BIN)/lint-imports --no-logo

test: check
	@$(BIN)/python -m pytest -n 2 --dist loadfile --max-worker-restart 1

format: setup
	@$(BIN)/ruff check -q --fix && $(BIN)/ruff format

wheel: setup
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
