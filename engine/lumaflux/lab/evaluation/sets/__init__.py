"""Benchmark sets: SDR clips and their PQ references on disk, built from HDR sources or read from published layouts."""
