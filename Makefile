# `make app` opens the explorer, `make lab` the lessons, `make test` checks everything but what `make slow` checks. Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: app test slow lint lessons lab benchmark clean

app: $(VENV)/app
	$(BIN)/streamlit run streamlit_app.py

test: $(VENV)/dev lint # a file of tests stays on one core
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

slow: $(VENV)/dev # what takes long and seldom breaks: before a release, and after a change to what it tests
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

benchmark: $(VENV)/dev # about half an hour on two cores; each line also runs alone
	$(BIN)/python -m benchmarks.sampling
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.quality
	$(BIN)/python -m benchmarks.attention
	$(BIN)/python -m benchmarks.words

lessons: $(VENV)/dev # runs every lesson, as students get it and solved, and tries its checks
	$(BIN)/python -m pytest tests/test_lesson*.py

lab: $(VENV)/app # opens the lessons
	$(BIN)/jupyter lab lessons

$(VENV)/app: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/dev: requirements-dev.txt $(VENV)/app
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV)
