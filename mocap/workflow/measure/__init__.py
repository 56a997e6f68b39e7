"""The workflow of measuring: a take in, tables, pages and marker files out."""
