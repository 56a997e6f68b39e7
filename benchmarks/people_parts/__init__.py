"""The parts of benchmarks/people.py."""
