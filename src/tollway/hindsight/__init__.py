"""What other programs' logs say was used, what it cost, and what it would have cost elsewhere."""
