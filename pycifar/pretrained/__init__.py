"""Weights from earlier trainings, read from files of others without running any code of them."""
