"""What a task may reach beside models: a proxy that lets pass what rules say."""
