"""What is declared: the fleet file's text, checked, as frozen objects."""
