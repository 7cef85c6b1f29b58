"""Random bad input for everything that people bring: `make fuzz`."""
