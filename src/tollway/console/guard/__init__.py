"""What waits for a person, what ran in sandboxes, and what was stopped."""
