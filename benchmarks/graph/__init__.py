"""Pair counting: baskets in, pairs seen twice or more with the counts of both sides out; goeswith beside DuckDB, polars and plain Spark."""
