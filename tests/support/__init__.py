"""What the tests share: who calls, what is stored, a server of its own, and the constants."""
