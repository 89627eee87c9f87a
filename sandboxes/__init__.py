"""Private copies of all data: their lifecycle, request journals and summaries."""
