"""Numba kernels that several stages use."""
