"""What we decide: admit, route, retry, break, limit, spend. Plain functions."""
