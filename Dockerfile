# LumaFlux on a CPU. Not built yet: no builder was at hand.
#   docker build -t lumaflux .
#   docker run --rm -v "$PWD:/work" -w /work lumaflux convert clip.mp4 clip-hdr.mp4
FROM python:3.12-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
COPY . /source
RUN python -m venv /opt/lumaflux \
 && /opt/lumaflux/bin/pip install --no-cache-dir -c /source/constraints.txt torch \
 && /opt/lumaflux/bin/pip install --no-cache-dir -c /source/constraints.txt "/source[export]"

FROM python:3.12-slim-bookworm
COPY --from=build /opt/lumaflux /opt/lumaflux
RUN useradd --create-home user
USER user
ENTRYPOINT ["/opt/lumaflux/bin/lumaflux"]
