"""PURE values and laws that every other package stands on."""
