# SPDX-License-Identifier: Apache-2.0
"""Data sets."""

import array
from ctypes import byref, c_int32, c_void_p

from ._native import Handle, check, encode_path, extents, lib
from .tensor import Tensor, as_floats, flatten


class Dataset:
    """Samples of one shape, with or without a class for each.

    :param features: one entry per sample, each a number or nested sequences of numbers
    :param labels: the class of each sample: 0, 1, 2 ...
    """

    def __init__(self, features, labels=None):
        shape, numbers = flatten(features)
        if not shape:
            raise ValueError("a data set needs a sequence of samples")
        samples = shape[0]
        # A sample that is a single number has one feature.
        sample_shape = shape[1:] or (1,)
        classes = None
        if labels is not None:
            labels = [int(label) for label in labels]
            if len(labels) != samples:
                raise ValueError(f"{len(labels)} labels for {samples} samples")
            classes = (c_int32 * len(labels))(*labels)
        pointer = lib.paddle_dataset_new(
            *extents(sample_shape), as_floats(numbers), classes, samples
        )
        self._handle = Handle(pointer, lib.paddle_dataset_free)

    @classmethod
    def _own(cls, pointer):
        dataset = cls.__new__(cls)
        dataset._handle = Handle(pointer, lib.paddle_dataset_free)
        return dataset

    @classmethod
    def read_csv(cls, path, features=0):
        """Reads comma-separated numbers, one sample per line.

        The first line may hold names. The last column is the class; with ``features``
        given, each line has that many features and the class may be missing.
        """
        return cls._own(lib.paddle_dataset_read_csv(encode_path(path), features))

    @classmethod
    def read_idx(cls, images, labels=None):
        """Reads IDX files of images and of their classes. Pixels become 0 ... 1."""
        return cls._own(
            lib.paddle_dataset_read_idx(
                encode_path(images), None if labels is None else encode_path(labels)
            )
        )

    @classmethod
    def synthetic(cls, kind, samples=1000, seed=1):
        """Makes up data: ``"spirals"`` (points) or ``"shapes"`` (16 x 16 pictures)."""
        return cls._own(lib.paddle_dataset_synthetic(kind.encode(), samples, seed))

    @property
    def _pointer(self):
        return self._handle.pointer

    def __len__(self):
        return lib.paddle_dataset_size(self._pointer)

    @property
    def shape(self):
        """The shape of one sample."""
        rank = lib.paddle_dataset_rank(self._pointer)
        return tuple(lib.paddle_dataset_shape(self._pointer)[:rank])

    @property
    def classes(self):
        """The number of classes; 0 for data without."""
        return lib.paddle_dataset_classes(self._pointer)

    @property
    def labels(self):
        """The class of each sample, as a list; None for data without."""
        labels = lib.paddle_dataset_labels(self._pointer)
        return labels[: len(self)] if labels else None

    @property
    def features(self):
        """All features, as a tensor ``[samples, ...]``."""
        size = len(self)
        for extent in self.shape:
            size *= extent
        numbers = array.array("f", lib.paddle_dataset_features(self._pointer)[:size])
        return Tensor(numbers, shape=(len(self), *self.shape))

    def split(self, fraction, seed=1):
        """A random ``fraction`` of the samples and the others, as two data sets."""
        part, rest = c_void_p(), c_void_p()
        check(lib.paddle_dataset_split(self._pointer, fraction, seed, byref(part), byref(rest)))
        return Dataset._own(part.value), Dataset._own(rest.value)

    def __repr__(self):
        shape = "x".join(map(str, self.shape))
        return f"<Dataset: {len(self)} samples of {shape}, {self.classes} classes>"
