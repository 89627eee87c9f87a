"""Finding and changing conversations, without a word of HTTP."""
