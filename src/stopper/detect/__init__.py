"""PURE text to findings: what a byte, a text or an address is, told without I/O."""
