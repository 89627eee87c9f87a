"""What every route shares: who calls, what the body holds, errors, and the log."""
