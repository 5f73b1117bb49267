"""What OpenAI's Responses API says, and how to say it there."""
