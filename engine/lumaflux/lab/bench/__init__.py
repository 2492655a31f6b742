"""Speed and memory, measured: what `lumaflux bench` prints and docs/benchmarks.md quotes. Never a test."""
