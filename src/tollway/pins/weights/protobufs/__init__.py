"""Would a graph that is a protobuf read files, write them, or run code?"""
