"""Parts of the benchmark of what stages cost."""
