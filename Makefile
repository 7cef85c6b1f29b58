# `make app` opens the explorer, `make lab` the lessons, `make test` checks everything but what `make slow` checks. Each sets up what it needs,
# in .venv and in the versions of constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: app lab test quick slow mutants fuzz lint types lessons notebooks benchmark constraints lock clean

app: $(VENV)/app
	$(BIN)/diffusion-edu app

lab: $(VENV)/app # opens the lessons where they are; `diffusion-edu lab` opens a copy
	$(BIN)/python -m jupyterlab lessons

test: $(VENV)/dev lint types # a file of tests stays on one core; in order, so that the long ones of the browser do not come last
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

quick: $(VENV)/dev # the library alone: after a change to it, before `make test`
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile tests/library

slow: $(VENV)/dev # what takes long and seldom breaks: before a release, and after a change to what it tests
	$(BIN)/python -m pytest -m slow

mutants: $(VENV)/dev # plants mistakes in the library, one at a time: does a test notice each of them? Before a release
	nice $(BIN)/python tests/mutants

fuzz: $(VENV)/dev # 10,000 bad uploads, links, prompts, captions and cards; what fails is printed with its seed. Before a release
	cd tests && nice ../$(BIN)/python -m fuzz

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev # the public library; pyproject.toml lists the files
	$(BIN)/mypy

lessons: $(VENV)/dev # runs every lesson in full, as students get it and solved, and tries its checks
	$(BIN)/python -m pytest -m "slow or not slow" tests/lessons

notebooks: $(VENV)/dev # builds the notebooks of all lessons from lessons/source: after a change to a text or a question
	$(BIN)/python -m diffusion_edu.lessons.build

book: $(VENV)/dev # lessons with their outputs, glossary, model cards and reference, in build/book/html: no network, no notebook is run
	$(BIN)/python -m docs.book

badges: $(VENV)/app # `make badges REPOSITORY=owner/name`: the lessons open in Colab and Binder from that repository
	$(BIN)/diffusion-edu lessons badges $(REPOSITORY)

benchmark: $(VENV)/dev # about half an hour on two cores; each line also runs alone
	$(BIN)/python -m benchmarks.sampling
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.quality
	$(BIN)/python -m benchmarks.attention
	$(BIN)/python -m benchmarks.text_to_image

constraints: # writes down the versions in .venv: after an upgrade that passed `make test slow lessons`
	grep '^#' constraints.txt > constraints.new
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+.*//' | grep -viE '^(nvidia-|cuda-|triton|uv=)' >> constraints.new
	mv constraints.new constraints.txt

lock: constraints.txt # the same versions with the SHA-256 of every file: pip install -r requirements.lock
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra all --constraint constraints.txt --generate-hashes --universal \
		--python-version 3.11.5 --no-annotate --no-header --quiet --output-file requirements.lock

$(VENV)/app: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable ".[all]"
	touch $@

$(VENV)/dev: $(VENV)/app
	$(PIP) --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV)
