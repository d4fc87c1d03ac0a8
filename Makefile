# The two commands of the README are `make demo` and `make test`; `make` alone lists all.
SHELL := /bin/bash
UV_PATHS := $(HOME)/.local/bin:/usr/local/bin
export PATH := $(PATH):$(UV_PATHS)
RUN := uv run --frozen
BY_TWO := -n 2 --dist loadfile
SOURCES := goeswith spark_jobs feature_repo training serving dags tests benchmarks model_repository infra

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint types contracts unit integration test-long infra-check infra-lock sbom docs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}'

setup: ## install what is missing: uv, Java, the locked environment
	@infra/bootstrap.sh

demo: setup ## the whole way on the synthetic shop: baskets, pictures and texts to served answers (about 10 minutes)
	@$(RUN) goeswith demo

test: check integration ## everything: lint, types, contracts, unit and integration tests

check: setup lint unit ## the fast part of the tests (no JVM, no server)

lint: ## what pre-commit runs: ruff, codespell, sizes, mypy --strict, import contracts
	@$(RUN) pre-commit run --all-files --show-diff-on-failure

types: ## mypy --strict
	@$(RUN) mypy $(SOURCES)
	@$(RUN) mypy -p goeswith_client

contracts: ## who may import whom
	@$(RUN) lint-imports --no-cache --no-logo

unit: ## unit, contract and behaviour tests
	@OMP_NUM_THREADS=1 $(RUN) pytest tests/unit tests/contract tests/behaviour -q -m "not long" $(BY_TWO) --durations 20

integration: ## Spark, Great Expectations, Feast, Airflow, Triton and the Explorer in a browser, for real
	@$(RUN) pytest tests/integration -q -m "not long" $(BY_TWO) --durations 20
	@$(RUN) pytest tests/browser -q  # by itself: its driver keeps an event loop running for the whole session

test-long: setup ## faults and scale: the tests that take minutes each
	@$(RUN) pytest tests -q -m long

infra-check: setup ## images and their licences, Compose, chart, alerts, dashboards: hadolint, helm, kubeconform, promtool (needs Go; fetches the tools the first time)
	@$(RUN) python -m infra.check
	@$(RUN) pytest tests/unit/infra tests/contract/test_container_configs.py -q

infra-lock: ## pin again what the images of Airflow and Triton install beside the lock
	@cd infra/docker && uv pip compile -q --generate-hashes --no-header --python-version 3.11 airflow.in -o airflow.txt
	@cd infra/docker && uv pip compile -q --generate-hashes --no-header --python-version 3.12 --python-platform x86_64-manylinux_2_28 triton.in -o triton.txt

sbom: setup ## of each image a bill of materials (CycloneDX) and a licence report, to sbom/; fails for a licence that is not accepted
	@$(RUN) python -m infra.sbom

docs: ## regenerate what is generated: tables from the catalogue, figures from docs/figures (make check refuses pages that drifted)
	@$(RUN) goeswith tables > docs/tables.md
	@$(RUN) goeswith features page > docs/features.md
	@$(RUN) goeswith figures > docs/figures.md
	@$(RUN) goeswith figures scale > docs/scale.md

clean: ## remove caches and everything that goeswith wrote here
	@rm -rf .goeswith .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
