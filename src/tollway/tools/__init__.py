"""Which tool calls are made: agents' MCP on one side, servers of tools on the other."""
