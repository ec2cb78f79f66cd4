"""The data plane: HTTP/1.1 in, HTTP/1.1 out, and every decision in between."""
