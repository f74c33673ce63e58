# make demo    environment, then train on bundled handwritten digits: look at runs/digits/overview.png
# make test    environment, then the whole default test suite
# make docs    the documentation as pages: look at build/site/index.html
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test long slow lint docs bench clean

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: .venv/installed
	rm -rf runs/digits
	$(BIN)/entropae fit --data digits --out runs/digits

test: .venv/installed
	$(BIN)/python -m pytest -n 2

# What takes several seconds a test, and what takes minutes or needs the data sets.
long: .venv/installed
	$(BIN)/python -m pytest -n 2 -m "long and not slow"

slow: .venv/installed
	$(BIN)/python -m pytest -m slow

lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

docs: .venv/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# The data sets' folder: make bench DATA=path
bench: .venv/installed
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/coverage.py
	$(BIN)/python benchmarks/high_dimension.py
	$(BIN)/python benchmarks/step_cost.py
	$(BIN)/python benchmarks/inputs.py
	$(BIN)/python benchmarks/ranks.py
	$(BIN)/python benchmarks/kills.py
	$(BIN)/python benchmarks/fuzz.py
	$(BIN)/python benchmarks/stream.py
	$(BIN)/python benchmarks/loading.py
	$(BIN)/python benchmarks/fast_steps.py
	$(BIN)/python benchmarks/operations.py
	$(BIN)/python benchmarks/grouped.py
	$(BIN)/python benchmarks/pythae_step.py $(DATA)/mnist/train-images-idx3-ubyte.gz
	$(BIN)/python benchmarks/classifier.py $(DATA)/mnist
	$(BIN)/python benchmarks/classifier.py $(DATA)/fashion_mnist --name fashion_mnist --epochs 5
	$(BIN)/python benchmarks/rivals.py search mnist $(DATA)/mnist --processes 2
	$(BIN)/python benchmarks/rivals.py table mnist $(DATA)/mnist --processes 2
	$(BIN)/python benchmarks/rivals.py table fashion_mnist $(DATA)/fashion_mnist --processes 2
	$(BIN)/python benchmarks/rivals.py table cifar10_jpeg $(DATA)/cifar10 --processes 2
	$(BIN)/python benchmarks/rivals.py table fashion_mnist $(DATA)/fashion_mnist --features efficientnet-lite0:64 --number 2000
	$(BIN)/python benchmarks/heads.py mnist $(DATA)/mnist --seeds 0 1 2 --processes 2
	$(BIN)/python benchmarks/heads.py fashion_mnist $(DATA)/fashion_mnist --seeds 0 1 2 --processes 2
	$(BIN)/python benchmarks/heads.py mnist $(DATA)/mnist --seeds 0 1 2 --flow 384 4 4000 --processes 2
	$(BIN)/python benchmarks/heads.py cifar10_jpeg $(DATA)/cifar10 --epochs 10 --flow 384 4 4000 --processes 2
	$(BIN)/python benchmarks/head_grid.py mnist $(DATA)/mnist --processes 2
	$(BIN)/python benchmarks/head_grid.py mnist $(DATA)/mnist --long --seeds 0 1 2 --processes 2
	$(BIN)/python benchmarks/head_grid.py mnist $(DATA)/mnist --long --images 12000 --variants "λ = 0.1" components "components, sphere" --processes 2
	$(BIN)/python benchmarks/head_grid.py mnist $(DATA)/mnist --long --images 23000 --variants "λ = 0.1" components --processes 2
	$(BIN)/python benchmarks/head_grid.py fashion_mnist $(DATA)/fashion_mnist --long --seeds 0 1 2 --variants "λ = 0.1" sphere components --processes 2
	$(BIN)/python benchmarks/tables.py
	$(BIN)/python benchmarks/text_failures.py --data $(DATA)
	$(BIN)/python benchmarks/text.py runs/text --data $(DATA) --minutes 600
	$(BIN)/python benchmarks/text.py runs/text --data $(DATA) --table
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/large.py dask
	$(BIN)/python benchmarks/diagnosis.py
	$(BIN)/python benchmarks/starts.py
	$(BIN)/python benchmarks/sklearn_search.py
	$(BIN)/python benchmarks/explorer.py
	$(BIN)/python benchmarks/small_folders.py $(DATA)
	$(BIN)/python benchmarks/sharpness.py $(DATA)
	$(BIN)/python benchmarks/first_minute.py
	$(BIN)/python benchmarks/ablation.py $(DATA)/mnist --processes 2

clean:
	rm -rf .venv runs build
