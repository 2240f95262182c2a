"""Training: from the caller's arguments to a trained model. Start reading in `train.py`."""
