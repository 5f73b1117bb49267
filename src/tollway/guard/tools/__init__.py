"""Which tool calls an agent may make, and which a person is asked about."""
