"""How does a command run in namespaces of its own, on the host's kernel?"""
