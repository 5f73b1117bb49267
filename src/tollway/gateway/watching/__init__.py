"""Are the models behind this gateway's sources still those that were locked?"""
