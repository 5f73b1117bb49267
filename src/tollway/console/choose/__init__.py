"""The Choose page: which models are worth choosing for a use, and why the others are not."""
