"""What it is made of: the lock, its verification, audit rules, threats and drift, over records."""
