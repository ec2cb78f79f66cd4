"""Real stand-ins for what Stopper talks to, for its own tests, for demos and for yours."""
