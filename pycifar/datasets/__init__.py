"""Data sets: CIFAR-10, synthetic images, folders of image files, and arrays (layer 1)."""

from pycifar.datasets.cifar10 import CIFAR10_CLASS_NAMES
from pycifar.datasets.cifar10_location import find_cifar10
from pycifar.datasets.dataset import Dataset, Split
from pycifar.datasets.exploration import Exploration, explore, sample_images
from pycifar.datasets.image_cache import clear_cache
from pycifar.datasets.load import load_dataset

__all__ = [
    "CIFAR10_CLASS_NAMES",
    "Dataset",
    "Exploration",
    "Split",
    "clear_cache",
    "explore",
    "find_cifar10",
    "load_dataset",
    "sample_images",
]
