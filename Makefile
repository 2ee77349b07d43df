# Every task of the project; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PY := .venv/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup setup-dev demo dev fmt lint types imports check test test-python test-web bench docs openapi client lock

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | column -t -s '|'

setup: ## Install what the server needs: system packages, .venv, the projects' environment, the front end
	@scripts/setup run

setup-dev: ## Install what tests, checks and docs need on top of setup
	@scripts/setup dev

demo: setup ## Start the server and an example host page on another https origin, and embed a notebook (DEMO_CHECK=1: drive it in Chromium)
	@if [ -n "$$DEMO_CHECK" ]; then scripts/setup dev; fi
	@exec $(PY) examples/demo.py

dev: setup ## Start the server with settings for development in ./studiolo-data
	@exec .venv/bin/studiolo serve --development

fmt: setup-dev ## Format the code
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix-only --quiet .
	cd web && npm run --silent fmt

lint: setup-dev ## Check format, style and spelling
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/codespell src tests docs examples bench scripts web/packages README.md
	cd web && npm run --silent lint

types: setup-dev ## Check types, Python and TypeScript
	.venv/bin/pyright --warnings
	cd web && npm run --silent types

imports: setup-dev ## Check that imports go one way
	.venv/bin/lint-imports

check: lint types imports ## Format, lint, types, import contracts

test: setup-dev test-python test-web ## The whole suite: Python, front end, browser

test-python: setup-dev
	@scripts/test

test-web: setup-dev
	cd web && npm test --silent

bench: setup-dev ## Measure the promises about speed beside named peers
	@status=0; for program in bench/*.py; do case $$program in bench/_*) ;; *) $(PY) $$program || status=1;; esac; done; exit $$status

docs: setup-dev ## Build the documentation site into ./site; stops at wrong links and spelling
	.venv/bin/codespell docs README.md CHANGELOG.md changelog.d scripts/docs
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict

openapi: setup-dev ## Write openapi/studiolo.json from the code
	$(PY) -m studiolo openapi > openapi/studiolo.json

client: setup-dev ## Write the generated part of src/studiolo/client from the code
	$(PY) -m studiolo.web.client_source

lock: ## Renew the lock files from pyproject.toml and requirements/*.in
	@scripts/lock
