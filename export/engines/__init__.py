"""Compilers of exported graphs, each in a process of its own."""
