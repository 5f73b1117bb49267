"""How fast a model runs on a chip: step time, memory tiers, batching."""
