# make lenet   trains LeNet on Fashion-MNIST; ARGS="..." is passed on, for instance ARGS="--activation relu --lr 0.1"
# make test    runs every test that needs neither a GPU nor PyTorch (NUMBA_DISABLE_JIT=1 make test: with coverage)
# make parity  installs PyTorch and torchvision and compares every operation and network with theirs;
#              TORCH="torch==2.13.0" TORCHVISION="torchvision==0.28.0" choose the versions, which belong together
# make networks checks every network as a whole: its gradients, its ONNX export; and a run killed 50 times
# make threads runs the kernel tests with 1, 2 and 4 threads, and compiled for a processor without AVX-512
# make layers  trains with augmentation, and in two threads at once, on each threading layer that Numba may run on
# make strict  runs every test of a GPU on a stand-in for CuPy that refuses what CuPy refuses; no GPU is needed
# make lowest  installs the lowest versions that pyproject.toml allows, and runs the tests of the command line with them
# make pythons installs into each other Python that is found (3.12, 3.13), trains LeNet, and runs a share of the tests
# make cuda    compiles every CUDA kernel for three generations of GPUs with nvcc; no GPU is needed
#              WORKERS=4 shares any of these tests out to so many processes; SHARE=0.1 draws a tenth of `make test`
#              or `make networks`, others each day
# make bench   measures training steps of the book's networks against PyTorch, and writes benchmarks/results/;
#              ARGS="lenet nin --turns 5" chooses among them (python -m benchmarks.networks --help)

PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
TORCHVISION ?= torchvision==0.28.0
ARGS ?=
WORKERS ?= 2
SHARE ?= 1
AVX2 := +sse4.2,+popcnt,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt

BIN := $(VENV)/bin
PYTEST := $(BIN)/pytest --numprocesses $(WORKERS)

.PHONY: lenet test parity networks threads layers strict lowest pythons cuda bench notebook clean

lenet: $(VENV)/installed
	@$(BIN)/minitorch-cv train lenet $(ARGS)
	@echo "next: source $(BIN)/activate, and then minitorch-cv --help" >&2

test: $(VENV)/installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
ifdef NUMBA_DISABLE_JIT
	$(PYTEST) --sample $(SHARE) --cov --cov-report=term -m "not parity and not networks"
else
	$(PYTEST) --sample $(SHARE) -m "not parity and not networks"
endif

parity: $(VENV)/installed-parity
	OMP_NUM_THREADS=1 $(PYTEST) -m parity

networks: $(VENV)/installed-test
	$(PYTEST) --sample $(SHARE) -m networks
	MINITORCH_CV_KILLS=50 $(BIN)/pytest tests/train/test_kill.py

threads: $(VENV)/installed-test
	NUMBA_NUM_THREADS=1 $(PYTEST) tests/kernels
	NUMBA_NUM_THREADS=2 $(PYTEST) tests/kernels
	NUMBA_NUM_THREADS=4 $(PYTEST) tests/kernels
	NUMBA_CPU_NAME=haswell NUMBA_CPU_FEATURES=$(AVX2) $(PYTEST) tests/kernels

layers: $(VENV)/installed-test
	WORKERS=$(WORKERS) $(BIN)/python -m tools.layers

strict: $(VENV)/installed-test
	$(PYTEST) --device cuda --strict-cupy -m "not parity and not networks"
	$(PYTEST) --device cuda:1 --strict-cupy -m "not parity" tests/compiled tests/data tests/gradcheck tests/ops tests/train

cuda: $(VENV)/installed-test
	$(BIN)/python -m tools.compile_cuda

lowest: $(VENV)/installed-test
	$(BIN)/python -m venv --clear $(VENV)-lowest
	$(BIN)/python -m uv pip install --quiet --python $(VENV)-lowest --resolution lowest-direct .
	$(BIN)/python -m uv pip install --quiet --python $(VENV)-lowest pytest pytest-xdist hypothesis mpi4py mpich
	$(VENV)-lowest/bin/python -m pytest -p no:cacheprovider --numprocesses $(WORKERS) tests/cli tests/plot tests/data/test_command.py

pythons: $(VENV)/installed-test
	$(BIN)/python -m tools.other_pythons

bench: $(VENV)/installed-parity
	$(BIN)/python -m benchmarks.networks $(ARGS)

notebook: $(VENV)/installed-test
	$(BIN)/python -m tools.run_notebooks

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "minitorch_cv needs Python 3.11 or newer, but $(PYTHON) is " + sys.version.split()[0] + "; set PYTHON=, for instance make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@echo "creating the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/python pyproject.toml
	@echo "installing minitorch_cv and what it needs into $(VENV) (a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	@echo "installing what the tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@

$(VENV)/installed-parity: $(VENV)/installed-test
	@echo "installing PyTorch ($(TORCH), $(TORCHVISION)) to compare with"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps "$(TORCHVISION)"
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-* build dist *.egg-info
