"""AgentDojo's suites through the gateway of tools: which attacks succeed, and which tasks still pass."""
