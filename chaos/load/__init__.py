"""What the clients do while the product fails, and what they were promised for it."""
