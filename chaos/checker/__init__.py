"""The independent check of a run: SQL and listings of the buckets, no code of the product."""
