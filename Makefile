# Two commands: `make bake` builds the example project, `make test` tests pdbuild.
# Both install what is missing, and say so. `make check` is the part of `make test` that takes
# seconds: no engine, no documentation, nothing installed.

PYTHON_FILES := pdbuild tests benchmarks docs
PYTEST_FLAGS ?=
# More need more memory than cores: each bakes a toolchain of its own.
WORKERS ?= 2
LINTERS := ruff format mypy imports shellcheck
# The tests start pdbuild hundreds of times: its byte code is to be kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: bake test check lint code docs clean $(LINTERS)

bake:
	@scripts/setup
	@.venv/bin/pdbuild bake all --install
	@echo
	@echo "next: .venv/bin/pdbuild run a.py --variant gpu-noavx"

# The engines compile while linters, unit tests and hooks run.
test:
	@scripts/setup test
	@$(MAKE) --no-print-directory docs code
	.venv/bin/pytest -q -n $(WORKERS) tests/unit tests/hooks $(PYTEST_FLAGS)
	.venv/bin/pytest -v -n $(WORKERS) --dist=loadgroup --durations=20 tests/system tests/conformance tests/docker $(PYTEST_FLAGS)

check: code
	.venv/bin/pytest -q -n $(WORKERS) tests/unit $(PYTEST_FLAGS)

lint: docs code

# Beside each other; what each says comes in one piece, and all of them say it.
code:
	@$(MAKE) --no-print-directory --jobs=$(WORKERS) --output-sync --keep-going $(LINTERS)

ruff:
	.venv/bin/ruff check $(PYTHON_FILES)
format:
	.venv/bin/ruff format --check $(PYTHON_FILES)
mypy:
	.venv/bin/mypy
imports:
	.venv/bin/lint-imports
shellcheck:
	shellcheck scripts/setup paddle/scripts/docker/build.sh examples/book/.tools/build_docker.sh .ci/run $$(find hooks -type f) pdbuild/bootstrap/*.sh pdbuild/engine/*.sh pdbuild/jobs/*.sh pdbuild/jobs/runtimes/*.sh

docs:
	.venv/bin/sphinx-build -q -W --keep-going -b html docs build/site
	@echo "build/site/index.html"

clean:
	rm -rf build
