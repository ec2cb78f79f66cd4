"""One file a wire format: how it asks, answers, streams, fails and breaks."""
