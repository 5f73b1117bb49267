"""Questions that the planner and the engine model answer, each page made by one command."""
