# LumaFlux on a CPU or a CUDA GPU. Not built yet: no builder was at hand.
#   docker build -t lumaflux --build-arg EXTRAS=kernels .           # torch of the package registry, with CUDA on x86-64
#   docker build -t lumaflux --build-arg TORCH_INDEX=URL .          # smaller: URL is the index of torch's CPU builds
#   docker run --rm -v "$PWD:/work" -w /work lumaflux convert clip.mp4 clip-hdr.mp4          # a GPU: --gpus all
FROM python:3.12-slim-bookworm AS build
ARG TORCH_INDEX=
ARG EXTRAS=export
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
COPY . /source
RUN python -m venv /opt/lumaflux \
 && /opt/lumaflux/bin/pip install --no-cache-dir -c /source/constraints.txt ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch \
 && /opt/lumaflux/bin/pip install --no-cache-dir -c /source/constraints.txt "/source[${EXTRAS}]"

FROM python:3.12-slim-bookworm
COPY --from=build /opt/lumaflux /opt/lumaflux
RUN useradd --create-home user
USER user
ENTRYPOINT ["/opt/lumaflux/bin/lumaflux"]
