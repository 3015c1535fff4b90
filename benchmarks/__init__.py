"""Benchmarks: figures are ratios, measured in one run beside what they are compared with."""
