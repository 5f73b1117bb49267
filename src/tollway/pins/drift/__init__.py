"""Is the model behind a source still the one that was locked?"""
