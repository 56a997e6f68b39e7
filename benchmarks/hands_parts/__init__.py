"""Parts of the benchmark of hands."""
