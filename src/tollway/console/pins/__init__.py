"""What the fleet is made of: the lock, threats, drift, and what ends."""
