"""Parts of the benchmark of understanding: actions, exercises, one view."""
