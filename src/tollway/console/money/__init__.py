"""What was spent, what may still be, what was promised: by tenant, key, model and source."""
