# Voronka: everything is done by these. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo refresh schedule backup restore forget retention password serve export test bench scale pages viewers kills campaign proof mutants lint metrics questions status stop clean distclean env requirements

CORE := .voronka/envs/core
VORONKA := $(CORE)/bin/python -m voronka
DEV := .voronka/envs/dev/bin
# The first of these that is 3.10–3.12; PYTHON=… chooses another.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.10 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3,10) <= sys.version_info[:2] <= (3,12))' 2>/dev/null && command -v $$p && break; done)

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "make %-13s %s\n", $$1, $$2}'

demo: $(CORE)/.stamp ## everything on this machine with an invented company; again to repair and refresh
	@exec $(VORONKA) demo

refresh: $(CORE)/.stamp ## load the portal in .env (else the demonstration), build, test, publish
	@exec $(VORONKA) refresh

schedule: $(CORE)/.stamp ## refresh every 15 minutes and each night, and tell people where something is wrong; runs until stopped
	@exec $(VORONKA) schedule

backup: $(CORE)/.stamp ## save what cannot be built again, into .voronka/backups (ARGS="--to /mnt/backups --keep 14")
	@$(VORONKA) backup $(ARGS)

restore: $(CORE)/.stamp ## bring a backup back (FROM=folder, ARGS="--only superset" for one database)
	@$(VORONKA) restore "$(FROM)" $(ARGS)

forget: $(CORE)/.stamp ## erase one person everywhere (ARGS="--contact 12", then with --yes): docs/personal-data.md
	@$(VORONKA) forget $(ARGS)

retention: $(CORE)/.stamp ## erase people whose business ended VORONKA_RETENTION_MONTHS ago (ARGS=--yes)
	@$(VORONKA) retention $(ARGS)

password: $(CORE)/.stamp ## a new password for one person of the portal (LOGIN=name), written to a private file
	@$(VORONKA) password "$(LOGIN)"

serve: $(CORE)/.stamp ## start the dashboards on what is loaded
	@exec $(VORONKA) serve

export: $(CORE)/.stamp ## write what was changed in the browser back into superset/
	@$(VORONKA) export

test: $(CORE)/.stamp ## set up what tests need, then pytest (ARGS="-k word" narrows)
	@$(VORONKA) prepare-tests
	@$(DEV)/python -m pytest $(ARGS)

EPISODES ?= 200
SEED ?= 1
campaign: $(CORE)/.stamp ## kills, faults and changes against extraction, raw compared with the portal (EPISODES=200 SEED=1, or REPLAY=7.3)
	@$(VORONKA) prepare-tests
	@$(DEV)/python -m tests.campaign $(if $(REPLAY),--replay $(REPLAY),--episodes $(EPISODES) --seed $(SEED))

kills: $(CORE)/.stamp ## a whole refresh with a process killed at each step, and what viewers saw (ARGS="--only marts,publication")
	@$(VORONKA) prepare-tests
	@$(DEV)/python -m tests.campaign.refresh_kills $(ARGS)

SEEDS ?= 1 2 3
proof: $(CORE)/.stamp ## the figures once more, worked out by hand of other companies' cards (SEEDS="1 2 3", ARGS="--scale 1")
	@$(VORONKA) prepare-tests
	@$(DEV)/python -m tests.proof --seeds $(SEEDS) $(ARGS)

mutants: $(CORE)/.stamp ## single wrong turns in the SQL, each of which a unit test must notice (ARGS="--only calls")
	@$(VORONKA) prepare-tests
	@$(DEV)/python -m tests.proof.mutate $(ARGS)

bench: $(CORE)/.stamp ## how fast a portal gets into PostgreSQL, against its limits and other tools (ARGS="wide --runs 1")
	@$(VORONKA) prepare-tests
	@$(DEV)/python -m tests.bench $(ARGS)

scale: $(CORE)/.stamp ## seconds and memory of builds of a large warehouse, and of its refreshes (ARGS="--deals 200000")
	@$(VORONKA) prepare-tests
	@$(DEV)/python -m tests.bench.scale $(ARGS)

pages: $(CORE)/.stamp ## how long a viewer waits for each dashboard in Chromium, and for each chart (ARGS="--rounds 3")
	@$(VORONKA) prepare-tests
	@eval "$$($(VORONKA) environment)"; $(DEV)/python -m tests.bench.pages $(ARGS)

viewers: $(CORE)/.stamp ## people with logins of their own on the dashboards at once: how long they wait (ARGS="--users 50 --seconds 180")
	@$(VORONKA) prepare-viewers
	@eval "$$($(VORONKA) environment)"; .voronka/envs/viewers/bin/python -m tests.bench.viewers $(ARGS)

lint: $(CORE)/.stamp ## ruff, sqlfluff, YAML, what comes from the metric catalogue
	@$(VORONKA) prepare-lint
	@$(DEV)/ruff check .
	@$(DEV)/ruff format --check .
	@$(DEV)/sqlfluff lint --disable-progress-bar dbt_project/models dbt_project/tests
	@$(DEV)/yamllint --strict .
	@$(DEV)/python -m voronka.metric_catalogue --check
	@$(DEV)/python superset/server/sync_datasets.py --check

metrics: $(CORE)/.stamp ## write what comes from the metric catalogue: its documentation, the dashboards' datasets
	@$(VORONKA) prepare-lint
	@$(DEV)/python -m voronka.metric_catalogue
	@$(DEV)/python superset/server/sync_datasets.py

questions: $(CORE)/.stamp ## the questions of docs/questions.md, answered by the published marts (ARGS=--write keeps the answers)
	@$(VORONKA) questions $(ARGS)

status: $(CORE)/.stamp ## what runs, where, how fresh, and the logins
	@$(VORONKA) status

stop: $(CORE)/.stamp ## end everything that was started
	@$(VORONKA) stop

clean: $(CORE)/.stamp ## stop; remove data, secrets and logs
	@$(VORONKA) clean

distclean: $(CORE)/.stamp ## the same, and the installed environments
	@$(VORONKA) clean --everything

env: $(CORE)/.stamp ## variables for meltano and dbt by hand: README says how
	@$(VORONKA) environment

requirements: $(CORE)/.stamp ## pin requirements/*.in anew
	@for n in requirements/*.in; do echo $$n; $(CORE)/bin/uv pip compile --universal --python-version 3.10 \
		--generate-hashes --no-header --no-annotate -q $$n -o $${n%.in}.txt || exit 1; done

$(CORE)/.stamp: requirements/core.txt
	@test -n "$(PYTHON)" || { echo "Voronka needs Python 3.10, 3.11 or 3.12, and finds none. Install one, or name it: make demo PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Preparing $(CORE) with $(PYTHON) …" >&2
	@# Brought up to date in place where it stands: a PostgreSQL that runs from it needs its files.
	@test "$$($(PYTHON) -V 2>&1)" = "$$($(CORE)/bin/python -V 2>&1)" || rm -rf $(CORE)
	@mkdir -p $(CORE)
	@$(PYTHON) -m venv $(CORE) || { echo "Python's venv module is missing: on Debian, apt install python3-venv" >&2; exit 1; }
	@$(CORE)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/core.txt || \
		{ echo "The packages of requirements/core.txt could not be installed: check the network, then run the command again." >&2; exit 1; }
	@touch $@
