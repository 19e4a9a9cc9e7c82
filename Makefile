# make serve | test | check | train | lock | clean. Each makes .venv and installs what it needs; the second time is quick.
#
# PYTHON       the Python to build .venv from, 3.11 to 3.14
# TORCH_INDEX  address of a package index to take torch from, for those who want its CPU (or another CUDA) build
# SERVE_ARGS, TRAIN_ARGS, PYTEST_ARGS   handed on, for example  make serve SERVE_ARGS="--port 9000"

PYTHON ?= python3
TORCH_INDEX ?=
SERVE_ARGS ?=
TRAIN_ARGS ?=
PYTEST_ARGS ?=

# All paths are relative, so that the checkout may lie in a folder with spaces in its name.
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCK := CUSTOM_COMPILE_COMMAND="make lock" .venv-lock/bin/python -m piptools compile --quiet --strip-extras \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --resolver=backtracking

.PHONY: serve test check train lock clean
.DELETE_ON_ERROR:

serve: .venv/.served
	$(BIN)/float-avatar serve $(SERVE_ARGS)

# Training in a process of its own: in one that has exported and run engines before, it may die of a segmentation fault.
test: .venv/.served .venv/.tested
	$(BIN)/python -m pytest --ignore=tests/training $(PYTEST_ARGS)
	$(BIN)/python -m pytest tests/training $(PYTEST_ARGS)

check: .venv/.served .venv/.tested
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

train: .venv/.served .venv/.trained
	$(BIN)/float-avatar train $(TRAIN_ARGS)

.venv/.made:
	@"$(PYTHON)" -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v < (3, 15) else \
	    "Python 3.11 to 3.14 is needed, $(PYTHON) is %d.%d. Name another one: make PYTHON=python3.13 ..." % v[:2])'
	"$(PYTHON)" -m venv .venv
	@touch $@

.venv/.needs: .venv/.made requirements/serve.txt
	@echo "Installing what serving needs into .venv (the first time only)"
	$(PIP) install --quiet --require-virtualenv -r requirements/serve.txt
	@touch $@

# The editable install knows the packages that were there when it was made: a new one is a reason to make it again.
.venv/.served: .venv/.needs pyproject.toml $(wildcard */__init__.py)
	$(PIP) install --quiet --require-virtualenv --no-deps --editable .
	@touch $@

.venv/.trained: .venv/.needs requirements/training.txt requirements/torch.txt | .venv/.served
	@echo "Installing PyTorch and what training needs into .venv (the first time only)"
	$(PIP) install --quiet --require-virtualenv $(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)") \
	    -r requirements/torch.txt -r requirements/training.txt
	@touch $@

.venv/.tested: .venv/.trained requirements/dev.txt
	$(PIP) install --quiet --require-virtualenv -r requirements/dev.txt
	@touch $@

.venv-lock/.made:
	"$(PYTHON)" -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet pip-tools
	@touch $@

# Each lock is held to the ones before it, so that all can be installed together. UPGRADE=1 takes the newest of everything.
lock: .venv-lock/.made
	$(LOCK) $(if $(UPGRADE),--upgrade) -o requirements/serve.txt requirements/serve.in
	$(LOCK) $(if $(UPGRADE),--upgrade) -c requirements/serve.txt -o requirements/training.txt requirements/training.in
	$(LOCK) $(if $(UPGRADE),--upgrade) -c requirements/serve.txt -c requirements/training.txt --allow-unsafe \
	    -o requirements/dev.txt requirements/dev.in

clean:
	rm -rf .venv .venv-lock build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
