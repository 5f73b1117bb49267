"""Would a chat template do more than write text?"""
