"""The workflow of exports: what a take offers to other programs."""
