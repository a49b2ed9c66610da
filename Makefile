# make run      open Sordino (in the terminal where there is no display)
# make test     run every test that needs no special machine
# make lint     formatting, lint and types
# make check-full   the slow checks as well: transformers as a yardstick, the guide's figures, kills
# make guide    train the guide model again, from guide/conversations to resources/guide
# make kernels  one line of figures a kernel, at gpt-oss-20b's sizes
# make screenshots  draw the window's states into build/screenshots and docs/
# make lock     renew the pinned requirements after a change in pyproject.toml

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: run test lint check-full guide kernels screenshots lock clean

run: $(VENV)/installed
	@$(BIN)/python -m app

test: $(VENV)/installed-dev
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -m "not full"

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check-full: $(VENV)/installed-full
	@$(MAKE) --no-print-directory test
	$(BIN)/python -m pytest -m full --timeout 3600
	$(BIN)/python -m guide.evaluate

guide: $(VENV)/installed-full
	$(BIN)/python -m guide.train

kernels: $(VENV)/installed-dev
	@$(BIN)/python -m tests.metal.report

screenshots: $(VENV)/installed-dev
	$(BIN)/python -m tests.screenshots

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q --upgrade \
		pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q --extra dev \
		-c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/created:
	@$(PYTHON) packaging/check_machine.py
	@echo "Setting up $(VENV) (once, about a minute)…"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# The lock pins every package by hash; the project itself is only linked.
$(VENV)/installed: $(VENV)/created requirements.lock pyproject.toml
	@$(PYTHON) packaging/check_machine.py
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.lock
	@$(PYTHON) packaging/check_machine.py --tests
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/installed-full: $(VENV)/installed-dev
	@$(PIP) install -e '.[full]'
	@touch $@
