"""Faults and hostile input, tried in numbers: `make torture` and `make fuzz`."""
