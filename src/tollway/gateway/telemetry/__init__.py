"""What does a gateway tell of its requests to those who watch it: traces, measures, log lines."""
