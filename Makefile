# Two commands start everything: `make demo` and `make test`. Each builds .venv from the lock file first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo-output
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-all test-faults test-slurm test-containers docs figures lint types audit sbom lock clean help

help:
	@echo "make demo      set up, simulate a cohort, run participant and group on it, print the report's path"
	@echo "make test      set up, run the fast tests"
	@echo "make test-all  set up, run every test, the slow ones too; print the fault table"
	@echo "make test-faults  set up, run the tests of the fault table only; print it"
	@echo "make test-slurm  the cluster scripts and plugins on a SLURM of its own (root, Debian's slurm-wlm and munge)"
	@echo "make test-containers  build both images from a local base and run the demo in them (root on Debian)"
	@echo "make docs      the documentation site, into build/site;  make figures: its drawings and pictures again"
	@echo "make lint      ruff (style and format);  make types: mypy"
	@echo "make audit     known vulnerabilities of what bidsml runs with (asks PyPI); make sbom: its parts, as CycloneDX"
	@echo "make lock      resolve the lock files again (needs uv)"

$(INSTALLED): containers/requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "bidsml needs Python 3.11 or newer, found " + sys.version'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r containers/requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(INSTALLED)

demo: $(INSTALLED)
	$(BIN)/bidsml demo $(DEMO)

test: $(INSTALLED)
	$(BIN)/python -m pytest -m "not slow" -n 2

test-all: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --fault-table

test-faults: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --fault-table -m fault

test-slurm: $(INSTALLED)
	$(BIN)/python -m pytest -m slurm -v

# Packages that are missing are installed, as root on Debian; what is kept for next time is in BIDSML_CONTAINER_CACHE.
test-containers: $(INSTALLED)
	$(BIN)/python -m pytest -m containers -v tests/containers

# Strict: a link that leads nowhere, or a page that stands in no menu, fails. Nothing is asked of a network.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "open build/site/index.html"

figures: $(INSTALLED)
	$(BIN)/python docs/figures/make.py

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy bidsml

AUDIT := .venv-audit
$(AUDIT)/.installed: containers/requirements-audit.lock
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r containers/requirements-audit.lock
	touch $@

# Strict: a package that the database does not know, or a database that gives no answer, is not a clean bill.
audit: $(AUDIT)/.installed
	$(AUDIT)/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r containers/requirements.lock \
	  || { echo "audit: NOT clean: vulnerabilities were found, or could not be looked up; the lines above say which"; exit 1; }

sbom: $(AUDIT)/.installed
	$(AUDIT)/bin/cyclonedx-py requirements containers/requirements.lock --pyproject pyproject.toml \
	  --mc-type application --output-reproducible --of JSON -o sbom.cdx.json

LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
lock:
	$(LOCK) pyproject.toml -o containers/requirements.lock
	$(LOCK) -c containers/requirements.lock pyproject.toml --group dev -o containers/requirements-dev.lock
	$(LOCK) -c containers/requirements-dev.lock --group build -o containers/requirements-build.lock
	$(LOCK) -c containers/requirements-dev.lock -c containers/requirements-build.lock --group audit -o containers/requirements-audit.lock

clean:
	rm -rf $(VENV) $(AUDIT) $(DEMO) sbom.cdx.json build dist
