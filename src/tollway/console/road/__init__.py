"""What goes on now: sources, requests on their way, a source out of use, and its loss rehearsed."""
