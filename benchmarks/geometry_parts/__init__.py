"""The parts of benchmarks/geometry.py."""
