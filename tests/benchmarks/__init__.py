"""Benchmarks that anyone can run: `make bench`. Figures are ratios to a baseline measured in the
same run, because absolute seconds mean little on a shared machine."""
