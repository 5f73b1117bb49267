"""What lies within an archive, and is the archive one thing to all who read it?"""
