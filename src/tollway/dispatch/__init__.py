"""The state machine between arrival and settlement: `handle(event, now) -> actions`, sans I/O."""
