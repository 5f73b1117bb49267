"""How fast is fast enough: token streams to look at, what waiting adds up to, what to choose."""
