"""Which packages may a sandbox, a developer or CI install, and from where?"""
