# `make demo` and `make test` from a bare machine: Python 3.10 to 3.13 with venv, make, a network for pip.
PYTHON ?= python3
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check
# The pip that a Python brings may be old, and search without end where an index (a mirror, a folder) does not list
# each wheel's Requires-Python. These take a minute.
PIP_WANTED := pip>=26,<27

# A fixed version, so that pip takes a CPU build of it where it is offered one: the CPU is enough for the
# demo and the tests, and PyPI's brings 4 GB of CUDA. `make setup TORCH='torch --index-url ...'` takes another build.
TORCH ?= torch==2.13.0

# The tests host environments in other Pythons too, where this machine has them. What stands in for Isaac Gym is
# tried with the torch of its day, 800 MB, where CI is true or `make test WORKER_TORCH=torch==1.8.1` asks for it.
WORKERS := .workers
WORKER_PYTHONS := 3.8 3.9
# Isaac Gym needs a numpy below 1.24; Gymnasium 0.29 was the last to end episodes in its own way.
WORKER_NEEDS_3.8 := 'numpy<1.24' gymnasium==0.29.1
WORKER_NEEDS_3.9 := numpy
WORKER_TORCH ?= $(if $(filter true,$(CI)),torch==1.8.1)

DEMO_ARGS ?=
TEST_ARGS ?=
TRAIN_ARGS ?=
# pip speaks only of errors; `make setup QUIET=` shows all of it.
QUIET ?= -qq

# The ROS wheels start Python again with LD_LIBRARY_PATH set, and mark that in the environment. Left to
# another virtual environment, the mark keeps it from finding its own libraries.
ifdef _ROS_WHEELS_BOOTSTRAP_COMPLETE
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE LD_LIBRARY_PATH
endif

# The interpreter below a virtual environment that may be active: a new one does not see its packages.
BASE := $(shell $(PYTHON) -c 'import sys; print(sys._base_executable)')
# What the robot brings itself: a torch built for it, a sourced ROS.
INHERITED := $(if $(BASE),$(shell $(BASE) -c 'from importlib.util import find_spec; \
	print(*(name for name in ("torch", "rclpy") if find_spec(name)))'))
VERSION := $(if $(BASE),$(shell $(BASE) -c 'import sys; print("%d.%d" % sys.version_info[:2])'))

# Without a sourced ROS its wheels come from PyPI, as setup.py pins them: Jazzy's, supported until May 2029, or with
# ROS_DISTRO=kilted, and where Jazzy has none, Kilted's, until December 2026. They do not mix: each has its own
# virtual environment.
PYTHONS_jazzy := 3.10 3.11 3.12
PYTHONS_kilted := 3.10 3.11 3.12 3.13
FITTING := $(foreach distribution,jazzy kilted,$(if $(filter $(VERSION),$(PYTHONS_$(distribution))),$(distribution)))
WHEELS := $(if $(filter rclpy,$(INHERITED)),,$(or $(ROS_DISTRO),$(firstword $(FITTING)),jazzy))
VENV := .venv$(patsubst %,-kilted,$(filter kilted,$(WHEELS)))
EXTRAS := onnx,record,sim,watch,test$(WHEELS:%=,%)

# A worker's interpreter, by version: on PATH, or one of pyenv's. A shim of one that pyenv has not chosen fails.
worker_python = $(firstword $(foreach python,python$(1) $(wildcard $(HOME)/.pyenv/versions/$(1).*/bin/python),\
	$(shell $(python) -c 'import sys; print(sys.executable)' 2>/dev/null)))
worker_pip = $(WORKERS)/$(1)/bin/python -m pip --disable-pip-version-check install $(QUIET)

.DEFAULT_GOAL := help
.PHONY: help setup workers isaaclab demo lint figures test test-all test-kilted test-isaaclab \
	test-isaaclab-if-possible train train-blind clean

help:
	@echo 'make setup          create $(VENV) and install everything; the other targets begin with it'
	@echo '                    (PYTHON=python3.12; ROS_DISTRO=kilted for its wheels in place of those of jazzy)'
	@echo 'make demo           run the policy against the simulator through ROS (DEMO_ARGS)'
	@echo 'make test           run the linters and the tests but the slow ones (TEST_ARGS: these tests only)'
	@echo 'make test-all       run the linters and all tests but those with Isaac Lab'
	@echo 'make test-kilted    run the tests of the nodes and the adapters on Kilted'
	@echo 'make test-isaaclab  install Isaac Lab into $(ISAACLAB) (Python 3.12, 6 GB) and run the tests with it'
	@echo 'make lint           run the linters'
	@echo 'make figures        print figures of the shape of the package'
	@echo 'make workers        the Pythons that the tests host environments in, where there are any; part of make test'
	@echo 'make train          train the insertion policy into runs/insertion (TRAIN_ARGS)'
	@echo 'make train-blind    the same without touch'
	@echo 'make clean          remove .venv, .venv-kilted, $(WORKERS), build products and reports; runs/ stays'

setup: $(VENV)/installed

$(VENV)/installed: setup.py setup.cfg package.xml Makefile | $(VENV)/kept.txt
	@$(if $(filter torch,$(INHERITED)),,echo "Installing $(TORCH)"; $(PIP) install $(QUIET) $(TORCH))
	@echo 'Installing rl_policy_node[$(EXTRAS)] and what it needs'
	@$(PIP) install $(QUIET) -c $(VENV)/kept.txt -e '.[$(EXTRAS)]'
	@touch $@

ifneq ($(WHEELS),)
ifeq ($(filter $(WHEELS),$(FITTING)),)
no_wheels := PyPI has no ROS $(WHEELS) for Python $(VERSION) ($(BASE)), only jazzy for $(PYTHONS_jazzy) and kilted for \
	$(PYTHONS_kilted). Give another PYTHON= or ROS_DISTRO=, or source the setup.bash of an installed ROS
else ifeq ($(ROS_DISTRO)$(filter jazzy,$(FITTING)),)
notice := ROS jazzy has wheels for Python $(PYTHONS_jazzy), not for $(VERSION): this takes kilted, supported until \
	December 2026. PYTHON=python3.12 would take jazzy, supported until May 2029
endif
endif

# torch, and ROS's messages, were compiled against the numpy beside them: pip must replace none of these.
$(VENV)/kept.txt:
	$(if $(VERSION),,$(error PYTHON=$(PYTHON) does not run))
	$(if $(filter 2.% 3.6 3.7 3.8 3.9,$(VERSION)),$(error $(BASE) is Python $(VERSION): 3.10 or newer is needed))
	$(if $(no_wheels),$(error $(no_wheels)))
	@$(if $(notice),echo '$(notice)')
	@echo 'Creating $(VENV) with $(BASE)$(if $(INHERITED), and its $(INHERITED))'
	@$(BASE) -m venv $(if $(INHERITED),--system-site-packages) $(VENV)
	@$(PIP) install $(QUIET) '$(PIP_WANTED)'
	@$(PIP) list --format=freeze | grep -E '^(torch|numpy)==' > $@.new || true
	@mv $@.new $@

workers: $(WORKER_PYTHONS:%=$(WORKERS)/%/installed) $(if $(WORKER_TORCH),$(WORKERS)/3.8/torch)

# Without such a Python, or a network, the tests that need it are skipped.
# Made from inside the folder: an old pip would take setup.cfg as said to itself.
$(WORKERS)/%/installed:
	@python='$(call worker_python,$*)'; test -z "$$python" || { \
		echo "Creating $(WORKERS)/$* with $$python" && mkdir -p $(WORKERS) && \
		(cd $(WORKERS) && "$$python" -m venv $*) && $(call worker_pip,$*) $(WORKER_NEEDS_$*) && \
		touch $@; } || echo 'No worker of Python $*: the tests that need it are skipped'

# Without its dependencies, which are gigabytes of CUDA for some versions.
$(WORKERS)/3.8/torch: $(WORKERS)/3.8/installed
	@test ! -e $< || { echo 'Installing $(WORKER_TORCH) into $(WORKERS)/3.8' && \
		$(call worker_pip,3.8) --no-deps $(WORKER_TORCH) && \
		$(call worker_pip,3.8) typing_extensions 'hydra-core>=1.2,<1.4' && touch $@; } || \
		echo 'No torch for Python 3.8: the tests that need it are skipped'

# Isaac Lab 3.0 on Newton, on a CPU: without what it pins for Isaac Sim, and for other frameworks than rl_games. It comes
# last: pip would name what is missing as an error.
ISAACLAB := $(WORKERS)/isaaclab
ISAACLAB_NEEDS := 'numpy>=2' prettytable psutil 'gymnasium>=1.2.0' trimesh warp-lang==1.17.0 'newton[sim]==1.6.1' einops \
	hydra-core lazy_loader Jinja2 scipy filelock packaging rich tqdm h5py matplotlib pillow typing-extensions \
	newton-usd-schemas usd-core usd-exchange==3.0.1 omniverseclient==2.74.0 gitpython requests botocore starlette \
	rl-games==1.6.5 gym

isaaclab: $(ISAACLAB)/installed

$(ISAACLAB)/installed:
	@python='$(call worker_python,3.12)'; test -n "$$python" || { echo 'Isaac Lab 3.0 needs Python 3.12'; exit 1; }; \
		echo "Creating $(ISAACLAB) with $$python" && mkdir -p $(WORKERS) && (cd $(WORKERS) && "$$python" -m venv isaaclab)
	@$(ISAACLAB)/bin/python -m pip --disable-pip-version-check install $(QUIET) '$(PIP_WANTED)'
	@echo 'Installing Isaac Lab into $(ISAACLAB)'
	@$(call worker_pip,isaaclab) torch==2.13.0 torchvision==0.28.0
	@$(call worker_pip,isaaclab) $(ISAACLAB_NEEDS)
	@$(call worker_pip,isaaclab) --no-deps isaaclab==3.0.0
	@touch $@

demo: setup
	@$(VENV)/bin/rl_policy demo $(DEMO_ARGS)

# ROS' linters, too. The summary stands on the first line (D213 is its opposite), and may be a question or a formula.
LINTED := rl_policy_node launch setup.py benchmarks scripts
DOCSTRINGS := D213 D400 D401 D402 D403
lint: setup
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/mypy & types=$$!; passed=true; \
	for check in 'flake8 --config .flake8 $(LINTED) test' 'pep257 --add-ignore $(DOCSTRINGS) -- $(LINTED)'; do \
		said=$$($(VENV)/bin/ament_$$check 2>&1) || { echo "$$said" | grep -v '^\* '; passed=false; }; \
	done; \
	wait $$types && $$passed

figures: setup
	@$(VENV)/bin/python scripts/figures.py

# What only computes runs on all cores. The rest mostly waits for real time: three files at a time keep two cores busy,
# each process in a DDS domain of its own.
COMPUTING := test/policy test/control test/core test/adapters test/config test/sim/imperfections
WAITING := -n 3 --dist loadfile --no-loadscope-reorder
SELECTED :=
# Several processes share the cores: more threads in each would only get into each other's way.
test: export OMP_NUM_THREADS ?= 1
test: setup workers $(if $(TEST_ARGS),,lint)
ifeq ($(TEST_ARGS),)
	@passed=true; \
	$(VENV)/bin/python -m pytest -n auto --dist worksteal $(SELECTED) $(COMPUTING) || passed=false; \
	$(VENV)/bin/python -m pytest $(WAITING) $(SELECTED) $(COMPUTING:%=--ignore=%) || passed=false; $$passed
else
	@$(VENV)/bin/python -m pytest $(TEST_ARGS)
endif

test-all:
	@$(MAKE) --no-print-directory test SELECTED="-m 'not lab'"

# The whole suite runs on Jazzy; what touches ROS runs on the other wheels as well.
test-kilted:
	@$(MAKE) --no-print-directory test ROS_DISTRO=kilted TEST_ARGS='$(WAITING) test/nodes test/adapters'

# One after another: each test starts Isaac Lab, which keeps two cores busy.
LAB := lab
test-isaaclab: setup $(if $(ISAACLAB_PYTHON),,isaaclab)
	@$(VENV)/bin/python -m pytest -m '$(LAB)' $(or $(TEST_ARGS),test)

# For CI: all but the slow ones. A machine without a Python for Isaac Lab goes without; whatever else fails, fails.
test-isaaclab-if-possible:
	@$(if $(call worker_python,3.12),$(MAKE) --no-print-directory test-isaaclab LAB='lab and not slow',\
		echo 'No Python 3.12, which Isaac Lab 3.0 needs: the tests with it are skipped')

train: setup
	@$(VENV)/bin/rl_policy train --output runs/insertion $(TRAIN_ARGS)

train-blind: setup
	@$(VENV)/bin/rl_policy train --blind --output runs/insertion $(TRAIN_ARGS)

clean:
	rm -rf .venv .venv-kilted $(WORKERS) build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache reports
