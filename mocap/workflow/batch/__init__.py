"""Many takes on several processes and machines, by Dask distributed."""
