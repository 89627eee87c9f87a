"""Private copies of all the data: their states, their clocks, errors on demand, their journals."""
