"""Settled and live requests: the search, and the life of one."""
