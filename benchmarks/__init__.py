"""Measurements against other libraries: each prints its rows and keeps them in `benchmarks/results/`."""
