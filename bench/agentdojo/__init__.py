"""AgentDojo's suites through the gateway of tools: which attacks succeed, which tasks pass."""
