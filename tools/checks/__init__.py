"""All that is checked before a change is taken: `python -m tools.checks [CHECK...]`."""
