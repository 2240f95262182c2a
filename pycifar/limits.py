"""How much a file from a stranger may ask for, in one place; SECURITY.md names these numbers.

Each leaves room above the largest that real images and networks have.
"""

from __future__ import annotations

MB = 2**20

# What is promised of any file, and held by `make torture`

READING_MEMORY = 1024 * MB  # bytes more than reading a sound file of its size takes
READING_SECONDS = 10.0  # on two cores; the largest published networks take two

# Arguments

MOST_CLASSES = 100_000  # the largest published data set of images has 21,841
MOST_UNITS = 1_000_000  # of a hidden layer
LONGEST_SIDE = 65_535  # pixels, as JPEG has it
MOST_STEPS = 1_000_000  # of a search for a learning rate

# Image files

MOST_PIXELS = 89_478_485  # a quarter of a GB of colours, as Pillow warns of it
MOST_SCANS = 100  # of a progressive JPEG; encoders write about 10

# Model files

LARGEST_TEXT = 16 * MB  # bytes of an entry of JSON; a history of a million epochs stays below
MOST_PARTS = 100_000  # layers, initializers and the like; NASNetLarge has 5,153
# Layers made and calls of them while a network is built, each of which takes up to a millisecond.
# NASNetLarge has 2,082. Keras calls all layers of a Sequential network anew for each that is added:
# 108 in a row are 5,994.
MOST_CALLS = 6_000
# Layers that Keras looks through while calls wait for layers that stand behind theirs, 20 µs each.
# Files that Keras wrote have none, but for layers that are called more than once.
MOST_WAITING = 100_000
MOST_BUILDING = 256 * MB  # bytes computed while a network is built; fixed masks take some kilobytes
MOST_STORED = 50_000  # groups and arrays of HDF5; NASNetLarge with Adam's momenta has 5,670
DEEPEST_STORED = 50  # groups of HDF5 in each other; networks in networks have four a level

# Records: what files, checkpoints and results say about a training

MOST_EPOCHS = 1_000_000
LONGEST_TEXT = 10_000  # characters of a name, or of where data come from; paths have 4,096 at most
