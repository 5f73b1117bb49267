"""Server-sent events: whole events out of a byte stream."""
