"""How Anthropic's Messages, and the servers that speak it, say it."""
