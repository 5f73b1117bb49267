def supervise(*a, **k): raise NotImplementedError
