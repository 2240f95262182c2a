"""Training: from what was asked for to a trained model. `train` is where to begin reading."""
