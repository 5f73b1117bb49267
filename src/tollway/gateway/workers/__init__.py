"""Which process does what, where one is not enough: one that decides, many that serve."""
