"""Real time: HTTP, dialects, upstreams, metering."""
