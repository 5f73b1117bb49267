"""What the guard must remember between requests: tasks, approvals, security events."""
