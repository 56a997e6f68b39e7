"""Pages of what people did."""
