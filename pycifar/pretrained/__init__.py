"""Weights of an earlier training, with which a new network can begin."""
