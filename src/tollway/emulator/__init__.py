"""An engine that isn't there: the engine room behind HTTP."""
