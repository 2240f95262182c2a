"""Limits on what arguments and untrusted files may ask for; SECURITY.md lists those of files.

Each limit is well above the largest value of real images and networks.
"""

from __future__ import annotations

MB = 2**20

# Reading any file: what pycifar promises, and `make torture` tests

READING_MEMORY = 1024 * MB  # bytes more than reading a valid file of the same size takes
READING_SECONDS = 10.0  # on two cores; the largest published networks take two seconds

# Arguments

MOST_CLASSES = 100_000  # the largest published data set of images has 21,841 classes
MOST_UNITS = 1_000_000  # units of a hidden layer
LONGEST_SIDE = 65_535  # pixels of an image in a row or column; the limit of JPEG
MOST_STEPS = 1_000_000  # steps of a search for a learning rate

# Downloads

LARGEST_DOWNLOAD = 1024 * MB  # bytes, where no size is published; weights have 4 to 111 MB

# Image files

MOST_PIXELS = 89_478_485  # a quarter of a GB at 3 bytes a pixel, where Pillow's warnings begin
# Scans of a progressive JPEG. Encoders write about 10; decoding thousands took half a minute.
MOST_SCANS = 100

# Model files

LARGEST_TEXT = 16 * MB  # bytes of a JSON entry; a history of a million epochs takes less
MOST_PARTS = 100_000  # layers, initializers and the like; NASNetLarge has 5,153
# Layers that are made, plus calls of layers, while a network is built. Each takes up to a
# millisecond. NASNetLarge has 2,082. For each layer that is added to a Sequential network, Keras
# calls all its layers again, so 108 layers in a row have 5,994.
MOST_CALLS = 6_000
# Calls that take the output of a layer further down in the file, times the number of layers. Keras
# looks through the layers again for each such call, which takes 20 µs per layer. Files that Keras
# wrote have no such call, except of layers that are called more than once.
MOST_WAITING = 100_000
MOST_BUILDING = 256 * MB  # bytes computed while a network is built; fixed masks take some kilobytes
MOST_STORED = 50_000  # groups and arrays in HDF5; NASNetLarge with the moments of Adam has 5,670
# Bytes of the names of layers in a file of weights alone. A text of a length of its own counts as
# the longest in the file, which is the description of the network, of up to a megabyte.
LARGEST_NAMES = 256 * MB
DEEPEST_STORED = 50  # nested groups in an HDF5 file; each network in a network adds four

# Records of a training in model files, checkpoints and results

MOST_EPOCHS = 1_000_000  # epochs of a history
LONGEST_TEXT = 10_000  # characters of a name or of the source of data; a path has at most 4,096
MOST_METRICS = 50  # metrics of a training, and settings of one
LARGEST_METRIC = 1000  # a setting of a metric; the curve of AUC has 200 thresholds unless given
