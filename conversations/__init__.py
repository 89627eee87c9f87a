"""Finding and updating conversations, independent of HTTP."""
