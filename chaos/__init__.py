"""Long tests of the product during failures of its services (`make chaos`)."""
