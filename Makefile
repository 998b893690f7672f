# `make study` and `make test` set everything up first. Nothing is needed but Python >= 3.11, a C++20 compiler and make.
PYTHON ?= python3
# What pip installs where the interpreter has no torch yet; TORCH=... on the command line installs that one in any case.
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
RUN_DIR ?= runs/biased-grid-quick

NATIVE_SOURCES := CMakeLists.txt pyproject.toml $(shell find cmake csrc -type f)

.PHONY: build study check test test-all test-rest test-long test-peers bench lint format cuda-check cuda-table cuda-instructions gpu wheel clean FORCE

build: $(VENV)/.built

study: build
	$(BIN)/pyvae study biased-grid --preset quick --out $(RUN_DIR) --resume

# The tests in layers, each more than the one before: tests/layers.py says what runs in which, docs/reliability.md why.
# Whether the build is right, in a minute.
check: build
	$(BIN)/python -m tests.run check

# Every op on every instruction set, a tiny study, a sanitizer: before each commit, in seven minutes.
test: build
	$(BIN)/python -m tests.run test

# Everything a commit has to pass.
test-all: build
	$(BIN)/python -m tests.run all

# What test-all has and test has not.
test-rest: build
	$(BIN)/python -m tests.run all --after test

# The figures of docs/reliability.md for a release; about two hours on two cores.
test-long: build
	$(BIN)/python -m tests.run long
	@echo "mutants: each is built and has to be caught, about a minute each"
	$(BIN)/python -m tests.mutants.run

# The examples that meet other libraries (docs/drop-ins.md), none of them skipped; they take minutes to install.
test-peers: $(PEERS)/.installed
	$(PEERS)/bin/python -c 'import diffusers, lightning, pythae, scvi'
	$(PEERS)/bin/python -m pytest tests/examples/drop_ins

# Ops, then training steps, in about twenty minutes; every finished row is kept, and `make bench RESUME=1` goes on.
# pykeops is a peer where it installs.
bench: build
	$(BIN)/python -m pip install -q -e '.[bench]' --no-build-isolation
	-$(BIN)/python -m pip install -q -e '.[bench-keops]' --no-build-isolation
	out=benchmarks/results/$$($(BIN)/python -m pyvae.bench.machine) && \
	  $(BIN)/python -m pytest benchmarks/bench_*.py --bench-out "$$out" $(if $(RESUME),--bench-resume) \
	    --benchmark-columns=min,median,iqr,rounds -W ignore::DeprecationWarning && \
	  $(BIN)/python benchmarks/train/bench_tcvae.py --out "$$out"

lint: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror $$(git ls-files '*.h' '*.cpp' '*.cu' '*.cuh')

format: build
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $$(git ls-files '*.h' '*.cpp' '*.cu' '*.cuh')

# Compiles the CUDA library for every architecture and ships nothing; needs nvcc, no GPU. Registers and shared memory have
# to be those of docs/cuda-kernels.md, which `make cuda-table` writes.
cuda-check: build
	$(BIN)/cmake -S . -B build/cuda-check -G Ninja -DPYVAE_CUDA=CHECK -DPYVAE_WHEEL=ON \
	  -DPython_EXECUTABLE="$(CURDIR)/$(BIN)/python" -DCMAKE_MAKE_PROGRAM="$(CURDIR)/$(BIN)/ninja"
	$(BIN)/cmake --build build/cuda-check --target pyvae_ops_cuda
	$(BIN)/python -m benchmarks.kernels.resources

cuda-table: build
	$(BIN)/python -m benchmarks.kernels.resources --write

# What a warp issues in their inner loops, from the disassembly: docs/cuda-instructions.md.
cuda-instructions: build
	$(BIN)/python -m pip install -q nvidia-cuda-nvdisasm
	$(BIN)/python -m benchmarks.kernels.instructions --write

# Everything that only a GPU can show, in at most nine minutes, with the torch that PYTHON has: docs/gpu.md.
gpu:
	$(PYTHON) -m benchmarks.gpu $(if $(WHEEL),--wheel '$(WHEEL)')

# One wheel for torch >= 2.11 and any Python 3: the op libraries without _C.
wheel: build
	$(BIN)/python -m pip wheel -q . --no-build-isolation --no-deps -w dist \
	  -C cmake.define.PYVAE_WHEEL=ON -C wheel.py-api=py3

clean:
	rm -rf build dist $(VENV) $(PEERS)

# --- The environment --------------------------------------------------------------------------------------------------
# A torch that the chosen interpreter already has is used as it is.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "pyvae needs Python 3.11 or later; choose one with make PYTHON=..."; exit 1; }
	@echo "setting up $(VENV), once: torch if there is none (some minutes of download), tools, then the build"
	$(PYTHON) -m venv $$($(PYTHON) -c 'import torch' 2>/dev/null && echo --system-site-packages) $(VENV)
	touch $@

ifeq ($(origin TORCH),command line)
$(VENV)/.torch: $(VENV)/.python FORCE
	@$(BIN)/python -m pip install -q '$(TORCH)'
	@echo '$(TORCH)' | cmp -s - $@ || echo '$(TORCH)' > $@
else
$(VENV)/.torch: $(VENV)/.python
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/python -m pip install -q '$(TORCH)'
	touch $@
endif

# An editable install lists the package's files, so a new or moved one asks for another.
$(VENV)/.files: $(VENV)/.python FORCE
	@find pyvae -name '*.py' | sort > $@.new
	@cmp -s $@.new $@ || cp $@.new $@
	@rm $@.new

# Without isolation, so that the build sees that torch and does not download another.
$(VENV)/.built: $(VENV)/.torch $(VENV)/.files $(NATIVE_SOURCES)
	@echo "building pyvae: its compiled part takes one to three minutes where it has changed"
	$(BIN)/python -m pip install -q 'scikit-build-core>=0.10' 'pybind11>=2.13' 'cmake>=3.25' ninja
	$(BIN)/python -m pip install -q --no-build-isolation -e '.[dev]'
	touch $@

# Over that one, since some libraries want another pandas: what they bring is theirs, torch and numpy stay.
$(PEERS)/.installed: $(VENV)/.built pyproject.toml
	$(BIN)/python -m venv --system-site-packages $(PEERS)
	@$(BIN)/python -c 'import site; print(f"import site; site.addsitedir({site.getsitepackages()[0]!r})")' > \
	  $$($(PEERS)/bin/python -c 'import site; print(site.getsitepackages()[0])')/below.pth
	@$(BIN)/python -c 'import numpy, torch; print(f"torch=={torch.__version__}\nnumpy=={numpy.__version__}")' > $(PEERS)/kept
	$(PEERS)/bin/python -m pip install -q -c $(PEERS)/kept $$($(BIN)/python -c 'import tomllib; \
	  print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["peers"])')
	touch $@
