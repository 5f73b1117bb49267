"""Where does an agent run, what can it touch there, and what is left when it is gone?"""
