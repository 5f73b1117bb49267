"""Which secrets there are, and which of them stands behind a task's sentinel."""
