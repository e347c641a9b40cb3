# Each target is one line, and CI runs the same ones (.ci/run). PYTHON: a Python 3.11 or newer, if python3 is not.
PYTHON ?= python3
VENV := .venv/bin

.PHONY: setup setup-dev demo test check proto bench

setup: ; $(PYTHON) infra/setup_venv.py local
setup-dev: ; $(PYTHON) infra/setup_venv.py dev
demo: setup ; $(VENV)/los demo
test: setup-dev ; $(VENV)/python -m pytest -n 2 --dist loadgroup
check: setup-dev ; $(VENV)/python -m infra.check
proto: setup-dev ; $(VENV)/python -m infra.proto
bench: setup-dev ; $(VENV)/los bench
