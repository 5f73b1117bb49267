"""Which files a model is made of, opened for the load rules, and what these say of them."""

from tollway.inspect.weights.looking import examine, formats_of

__all__ = ["examine", "formats_of"]
