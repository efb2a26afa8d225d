"""Made-up rows, and a migration on them."""
