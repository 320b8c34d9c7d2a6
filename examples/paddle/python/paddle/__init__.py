# SPDX-License-Identifier: Apache-2.0
"""paddle: a small machine-learning library.

Tensors, data sets and models are thin objects around the C interface of
``libpaddle.so``; nothing but the standard library is needed::

    import paddle

    data = paddle.Dataset.synthetic("spirals", samples=600)
    test, train = data.split(0.2)
    model = paddle.Model.mlp(data)
    model.fit(train, paddle.Adam(learning_rate=0.01), epochs=20)
    print(model.evaluate(test).accuracy)
"""

from ._native import (
    PaddleError,
    build_options,
    kernel_family,
    self_check,
    set_threads,
    threads,
    version,
)
from .data import Dataset
from .distributed import Ring
from .model import SGD, Adam, EpochReport, Evaluation, Model
from .tensor import (
    Tensor,
    conv2d,
    matmul,
    max_pool,
    random_normal,
    relu,
    sigmoid,
    softmax,
    tanh,
    zeros,
)

__version__ = version()

__all__ = [
    "Adam",
    "Dataset",
    "EpochReport",
    "Evaluation",
    "Model",
    "PaddleError",
    "Ring",
    "SGD",
    "Tensor",
    "build_options",
    "conv2d",
    "kernel_family",
    "matmul",
    "max_pool",
    "random_normal",
    "relu",
    "self_check",
    "set_threads",
    "sigmoid",
    "softmax",
    "tanh",
    "threads",
    "version",
    "zeros",
]
