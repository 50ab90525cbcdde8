# Needs Python 3.11 or newer and make; everything else is installed into .venv.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
BROWSER := .venv/.browser
WHEEL := .venv/wheel
TYPED := .venv/typed
PACKAGED := tests/core/test_config.py tests/core/test_public_api.py tests/cli/test_commands.py \
  tests/cassettes/test_replay.py tests/docs/test_readme.py tests/docs/test_examples.py \
  tests/sandbox tests/suite/test_example_adapter.py tests/suite/test_plugin.py

SITE := build/docs

# Compiled once, also where the environment says not to keep it: each worker imports all the tests.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: docs docs-serve help coverage demo fleet-demo test lint test-wheel release-check readme pictures record bench clean soak real
help:
	@echo "make demo        a number from purchase to release at every vendor, without an account"
	@echo "make fleet-demo  forty numbers declared in files, moved, repaired and bought"
	@echo "make test        all tests"
	@echo "make real        the tests against real servers, which it brings where it can"
	@echo "make coverage    all tests, and how much of the code they reach; fails below 95 %"
	@echo "make soak        random lives of numbers, moves between all vendors, with faults; and the"
	@echo "                 machines of a fleet, killed at every point"
	@echo "make docs        build the site into build/docs; any warning or dead link is an error"
	@echo "make docs-serve  build it, and show it at http://127.0.0.1:8008"
	@echo "make lint        formatting, lint, types, import rules"
	@echo "make readme      write the tables of README and guides anew, from the adapters"
	@echo "make pictures    draw the pictures of the README anew, from what runs"
	@echo "make record      record cassettes/ anew; of one vendor: VENDOR=cartesia (see its README)"
	@echo "make bench       compare the speed with the vendors' SDKs, into docs/speed.md; minutes"
	@echo "make test-wheel  build the wheel, install it, and test what packaging may break"
	@echo "make release-check  test-wheel, and what is published, installed with each extra alone"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet \
	  --constraint constraints.txt --editable '.[test]'
	touch $@

# What drives a browser; it brings none.
$(BROWSER): $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[browser]'
	touch $@

# The package as it is installed, for tools that cannot follow an editable install: mypy and pyright
# look here first (pyproject.toml).
$(TYPED): $(READY) $(wildcard telephony/*)
	@rm -rf $@
	@mkdir -p $@/telephony
	@ln -s $(addprefix $(CURDIR)/,$(wildcard telephony/*) adapters) $@/telephony/

# All of it each time: what is made from code changes without its page.
docs: $(READY)
	@$(BIN)/sphinx-build -W --keep-going -n -q -E -j auto -b html -d build/doctrees docs $(SITE)

docs-serve: docs
	@echo "http://127.0.0.1:8008"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(SITE) 8008

demo: $(READY)
	@$(BIN)/telephony demo

fleet-demo: $(READY)
	@$(BIN)/telephony fleet demo

test: $(READY)
	$(BIN)/pytest -n auto

# livekit-server with Go, redis-server and Chromium with apt. What is built is kept in
# ~/.cache/telephony-real.
real: $(BROWSER)
	@$(BIN)/python tests/real/servers.py

# Started before pytest, whose plugin for users is loaded early, and followed into every subprocess.
coverage: $(READY)
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -q -n auto
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

soak: $(READY)
	TELEPHONY_SOAK=600 $(BIN)/pytest -q tests/properties/test_lifecycle.py -k long_run
	TELEPHONY_SOAK=1 $(BIN)/pytest -q -n auto tests/fleet/test_every_vendor.py
	TELEPHONY_SOAK=1 $(BIN)/pytest -q tests/fleet/test_dbos_kill.py

lint: $(READY) $(TYPED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/ruff check --preview --select PLW1514 . # files are UTF-8, whatever the system's encoding
	$(BIN)/python scripts/generate_providers.py --check
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/mypy examples
	PATH=$(CURDIR)/$(BIN):$$PATH PYTHONPATH=$(CURDIR)/$(TYPED) \
	  $(BIN)/pyright --verifytypes telephony --ignoreexternal > $(TYPED)/report || \
	  { cat $(TYPED)/report; exit 1; }

# What packaging may break: what the wheel installs, registers and brings along, tried with the tests
# of the sdist, from whose folder the code is taken away. That the wheel's code is the one that
# `make test` tests, release-check proves by its list of files.
test-wheel: $(READY)
	rm -rf $(WHEEL)
	$(BIN)/python -m build --outdir $(WHEEL)/dist . > /dev/null
	$(PYTHON) -m venv $(WHEEL)/venv
	$(WHEEL)/venv/bin/python -m pip install --quiet --upgrade pip
	$(WHEEL)/venv/bin/python -m pip install --quiet --constraint constraints.txt \
	  "telephony[test] @ file://$$(ls $(CURDIR)/$(WHEEL)/dist/*.whl)"
	mkdir $(WHEEL)/sdist
	tar -xzf $(WHEEL)/dist/*.tar.gz --strip-components 1 -C $(WHEEL)/sdist
	rm -r $(WHEEL)/sdist/telephony $(WHEEL)/sdist/adapters
	cd $(WHEEL)/sdist && ../venv/bin/lint-imports && ../venv/bin/mypy --strict --config-file= \
	  tests/typing tests/example_adapter/acme_telephony
	cd $(WHEEL)/sdist && ../venv/bin/pytest -n auto $(PACKAGED)

# With TAG=v1.2.3, also that this is the version, and that the changelog has it.
release-check: test-wheel
	$(BIN)/python scripts/release_check.py $(WHEEL)/dist $(if $(TAG),--tag '$(TAG)')

readme: $(READY)
	TELEPHONY_WRITE_README=1 $(BIN)/pytest -q tests/docs/test_readme.py -k made_from_code

pictures: $(BROWSER)
	$(BIN)/python scripts/pictures.py
	$(BIN)/python scripts/picture_of_page.py

record: $(READY)
	$(BIN)/pytest tests/cassettes/test_replay.py --record-mode=all -k "$(VENDOR)/"
	TELEPHONY_WRITE_README=1 $(BIN)/pytest -q tests/cassettes/test_readme.py

# Compiled first: else starting would measure the compiler.
bench: $(READY)
	@$(BIN)/python -m compileall -q telephony adapters
	@$(BIN)/python -m tests.benchmarks
	@$(MAKE) --no-print-directory readme

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
