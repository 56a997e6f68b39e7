"""The parts of benchmarks/body.py."""
