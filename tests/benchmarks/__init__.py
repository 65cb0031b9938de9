"""Benchmarks that anyone can run: `make bench`. Each figure is a ratio to a baseline of the same
run, since seconds on a shared machine say little."""
