"""How does an agent run in a machine with a kernel of its own, restored for each task?"""
