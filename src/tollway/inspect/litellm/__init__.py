"""What would a LiteLLM configuration be as a fleet file, and what of it has no place there?"""
