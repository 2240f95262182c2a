"""Turn a fresh machine into one on which pycifar runs: `python3 -m tools.setup`.

Only Python's standard library is used here, because nothing else is there yet. Every step looks
first at what is already done, so that a second run changes nothing and takes about a second.
"""
