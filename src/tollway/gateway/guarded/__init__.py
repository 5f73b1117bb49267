"""What of model traffic may pass: the guard's decisions, done."""
