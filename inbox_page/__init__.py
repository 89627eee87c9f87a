"""The page at /: an inbox that shows what each click sends."""
