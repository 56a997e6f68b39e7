"""Scenes with known truth, for tests, samples and benchmarks."""
