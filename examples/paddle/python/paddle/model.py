# SPDX-License-Identifier: Apache-2.0
"""Models and their training."""

from collections import namedtuple
from ctypes import byref, c_double, c_int32

from ._native import (
    EpochCallback,
    Handle,
    TrainOptions,
    check,
    encode_path,
    extents,
    lib,
)
from .data import Dataset
from .tensor import Tensor

EpochReport = namedtuple("EpochReport", "epoch loss accuracy")
EpochReport.__doc__ = "How an epoch of training went; ``epoch`` counts from 1."

Evaluation = namedtuple("Evaluation", "loss accuracy")
Evaluation.__doc__ = "How a model does on a data set."


class _Optimizer:
    def __init__(self, kind, learning_rate, momentum, weight_decay):
        pointer = lib.paddle_optimizer_new(kind, learning_rate, momentum, weight_decay)
        self._handle = Handle(pointer, lib.paddle_optimizer_free)

    @property
    def _pointer(self):
        return self._handle.pointer


class SGD(_Optimizer):
    """Stochastic gradient descent with momentum. One optimizer is for one model."""

    def __init__(self, learning_rate=0.05, momentum=0.9, weight_decay=0.0):
        super().__init__(b"sgd", learning_rate, momentum, weight_decay)


class Adam(_Optimizer):
    """Adam: steps scaled by running averages. One optimizer is for one model."""

    def __init__(self, learning_rate=0.005, weight_decay=0.0):
        super().__init__(b"adam", learning_rate, 0.0, weight_decay)


class Model:
    """A chain of layers.

    :param layers: the layers, such as ``"conv 8 3 1 1; relu; maxpool 2; dense 4"``
    :param shape: the shape of one sample
    :param seed: decides the first weights

    The layers are ``dense UNITS``, ``conv FILTERS KERNEL [STRIDE [PADDING]]``,
    ``maxpool WINDOW``, ``relu``, ``sigmoid``, ``tanh`` and ``standardize``, which brings
    each feature to mean 0 and deviation 1.
    """

    def __init__(self, layers, shape, seed=1):
        pointer = lib.paddle_model_new(layers.encode(), *extents(shape), seed)
        self._handle = Handle(pointer, lib.paddle_model_free)

    @classmethod
    def _own(cls, pointer):
        model = cls.__new__(cls)
        model._handle = Handle(pointer, lib.paddle_model_free)
        return model

    @classmethod
    def mlp(cls, data, seed=1):
        """A multi-layer perceptron for this data."""
        return cls._own(lib.paddle_model_preset(b"mlp", data._pointer, seed))

    @classmethod
    def convnet(cls, data, seed=1):
        """A small convolution net for these images."""
        return cls._own(lib.paddle_model_preset(b"convnet", data._pointer, seed))

    @classmethod
    def load(cls, path):
        """Reads a checkpoint."""
        return cls._own(lib.paddle_model_load(encode_path(path)))

    def save(self, path):
        """Writes a checkpoint: the layers and their parameters."""
        check(lib.paddle_model_save(self._pointer, encode_path(path)))

    @property
    def _pointer(self):
        return self._handle.pointer

    @property
    def layers(self):
        """The layers, as the constructor takes them."""
        return lib.paddle_model_layers(self._pointer).decode()

    @property
    def shape(self):
        """The shape of one sample."""
        rank = lib.paddle_model_rank(self._pointer)
        return tuple(lib.paddle_model_shape(self._pointer)[:rank])

    @property
    def parameters(self):
        """How many numbers training changes."""
        return lib.paddle_model_parameters(self._pointer)

    def __call__(self, x):
        """The output for a batch: a tensor ``[samples, ...]``."""
        return Tensor._own(lib.paddle_model_forward(self._pointer, x._pointer))

    def fit(self, data, optimizer, epochs=10, batch_size=32, seed=1, report=None):
        """Trains a classifier.

        ``report`` is called with an :class:`EpochReport` after each epoch; when it
        returns ``True``, training stops there. Returns the list of all reports.
        """
        reports = []
        errors = []

        def callback(epoch, loss, accuracy, _):
            reports.append(EpochReport(epoch, loss, accuracy))
            # An exception cannot pass through the library: keep it, and stop.
            try:
                return 1 if report is not None and report(reports[-1]) is True else 0
            except BaseException as error:
                errors.append(error)
                return 1

        options = TrainOptions(epochs, batch_size, seed)
        check(
            lib.paddle_train(
                self._pointer,
                optimizer._pointer,
                data._pointer,
                byref(options),
                EpochCallback(callback),
                None,
            )
        )
        if errors:
            raise errors[0]
        return reports

    def train_batch(self, optimizer, x, labels, ring=None):
        """One step on a batch with a class per sample. Returns the loss before it.

        With a :class:`Ring`, the batch is spread over its ranks, the same number of samples
        on each: all take the same step, and get the loss of the whole batch.
        """
        labels = [int(label) for label in labels]
        if len(labels) != len(x):
            raise ValueError(f"{len(labels)} labels for {len(x)} samples")
        loss = c_double()
        given = (
            self._pointer,
            optimizer._pointer,
            x._pointer,
            (c_int32 * len(labels))(*labels),
            byref(loss),
        )
        if ring is None:
            check(lib.paddle_train_batch(*given))
        else:
            check(lib.paddle_train_batch_on(ring._pointer, *given))
        return loss.value

    def train_batch_regression(self, optimizer, x, target):
        """One step towards the outputs ``target``. Returns the mean squared error."""
        loss = c_double()
        check(
            lib.paddle_train_batch_regression(
                self._pointer,
                optimizer._pointer,
                x._pointer,
                target._pointer,
                byref(loss),
            )
        )
        return loss.value

    def evaluate(self, data):
        """The loss and the accuracy on a data set: an :class:`Evaluation`."""
        loss, accuracy = c_double(), c_double()
        check(lib.paddle_evaluate(self._pointer, data._pointer, byref(loss), byref(accuracy)))
        return Evaluation(loss.value, accuracy.value)

    def probabilities(self, data):
        """The class probabilities: a tensor ``[samples, classes]``."""
        if not isinstance(data, Dataset):
            data = Dataset(data)
        return Tensor._own(lib.paddle_predict(self._pointer, data._pointer))

    def predict(self, data):
        """The most probable class of each sample of a data set (or of its features)."""
        rows = self.probabilities(data).tolist()
        return [row.index(max(row)) for row in rows]

    def __repr__(self):
        return f"<Model {self.layers}: {self.parameters} parameters>"
