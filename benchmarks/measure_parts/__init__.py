"""The parts of benchmarks/measure.py."""
