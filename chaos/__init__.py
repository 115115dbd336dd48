"""Long proofs that the product survives what breaks around it: `make chaos`."""
