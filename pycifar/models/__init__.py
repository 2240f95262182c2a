"""Trained models: what they are, the files they are saved to, and the checks of such files."""
