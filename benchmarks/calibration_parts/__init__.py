"""Parts of the benchmark of calibration faults."""
