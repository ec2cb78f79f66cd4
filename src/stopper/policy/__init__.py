"""The policy gate's decisions: what may be done, as values, without clock and world."""
