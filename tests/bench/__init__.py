"""Benchmarks: figures beside baselines of the same run; nothing here asserts a time."""
