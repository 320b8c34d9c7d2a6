# SPDX-License-Identifier: Apache-2.0
"""Tensors and the operations on them."""

import array
import ctypes

from ._native import Floats, Handle, extents, failure, lib

_BINARY = {"add": 0, "subtract": 1, "multiply": 2}
_UNARY = {"relu": 0, "sigmoid": 1, "tanh": 2, "softmax": 3}


def flatten(values):
    """The shape of nested sequences of numbers, and the numbers as an array of floats.

    Objects with a buffer (``array.array``, ``memoryview`` ...) count as sequences too.
    """
    shape = []
    numbers = array.array("f")

    def walk(value, depth):
        if isinstance(value, (int, float)):
            if depth != len(shape):
                raise ValueError("the nested sequences differ in depth")
            numbers.append(value)
            return
        if not isinstance(value, (list, tuple)):
            value = memoryview(value).tolist()
            if isinstance(value, (int, float)):
                return walk(value, depth)
        if depth == len(shape) and not numbers:
            shape.append(len(value))
        elif depth >= len(shape) or shape[depth] != len(value):
            raise ValueError("the nested sequences differ in length")
        for element in value:
            walk(element, depth + 1)

    walk(values, 0)
    return tuple(shape), numbers


def as_floats(numbers):
    """A pointer to the floats of an array.array, which must stay alive."""
    return ctypes.cast(numbers.buffer_info()[0], Floats)


class Tensor:
    """A dense array of 32-bit floats.

    :param values: nested sequences of numbers, such as ``[[1, 2], [3, 4]]``
    :param shape: another shape for the same numbers

    ``+``, ``-`` and ``*`` work element by element on tensors of the same shape, ``*``
    also takes a number, and ``@`` multiplies matrices.
    """

    def __init__(self, values, shape=None):
        found, numbers = flatten(values)
        shape = found if shape is None else tuple(shape)
        size = 1
        for extent in shape:
            size *= extent
        if size != len(numbers):
            raise ValueError(f"shape {shape} does not have {len(numbers)} elements")
        pointer = lib.paddle_tensor_new(*extents(shape), as_floats(numbers))
        self._handle = Handle(pointer, lib.paddle_tensor_free)

    @classmethod
    def _own(cls, pointer):
        tensor = cls.__new__(cls)
        tensor._handle = Handle(pointer, lib.paddle_tensor_free)
        return tensor

    @property
    def _pointer(self):
        return self._handle.pointer

    @property
    def shape(self):
        """The extents, outermost first."""
        rank = lib.paddle_tensor_rank(self._pointer)
        return tuple(lib.paddle_tensor_shape(self._pointer)[:rank])

    @property
    def size(self):
        """The number of elements."""
        return lib.paddle_tensor_size(self._pointer)

    def __len__(self):
        if not self.shape:
            raise TypeError("a scalar has no length")
        return self.shape[0]

    def flat(self):
        """All elements, as a list."""
        data = lib.paddle_tensor_data(self._pointer)
        if not data and self.size:
            raise failure()
        return data[: self.size]

    def tolist(self):
        """The elements as nested lists; a number for a scalar."""
        values = self.flat()
        if not self.shape:
            return values[0]
        for extent in reversed(self.shape[1:]):
            values = [values[i : i + extent] for i in range(0, len(values), extent or 1)]
        return values

    def reshape(self, *shape):
        """A tensor of the same elements in another shape."""
        return Tensor._own(lib.paddle_tensor_reshape(self._pointer, *extents(shape)))

    def _binary(self, name, other):
        if not isinstance(other, Tensor):
            return NotImplemented
        return Tensor._own(lib.paddle_tensor_binary(_BINARY[name], self._pointer, other._pointer))

    def __add__(self, other):
        return self._binary("add", other)

    def __sub__(self, other):
        return self._binary("subtract", other)

    def __mul__(self, other):
        if isinstance(other, (int, float)):
            return Tensor._own(lib.paddle_tensor_scale(other, self._pointer))
        return self._binary("multiply", other)

    __rmul__ = __mul__

    def __neg__(self):
        return self * -1.0

    def __matmul__(self, other):
        return matmul(self, other) if isinstance(other, Tensor) else NotImplemented

    def __repr__(self):
        shape = "x".join(map(str, self.shape)) or "scalar"
        shown = ", ".join(f"{value:.4g}" for value in self.flat()[:6])
        return f"<Tensor {shape}: {shown}{', ...' if self.size > 6 else ''}>"


def zeros(*shape):
    """A tensor of zeros."""
    return Tensor._own(lib.paddle_tensor_new(*extents(shape), None))


def random_normal(*shape, seed=1):
    """A tensor of normally distributed numbers (mean 0, deviation 1)."""
    return Tensor._own(lib.paddle_tensor_random(*extents(shape), seed))


def matmul(a, b, transpose_a=False, transpose_b=False):
    """The product of two matrices, either of them transposed if wanted."""
    return Tensor._own(lib.paddle_tensor_matmul(a._pointer, transpose_a, b._pointer, transpose_b))


def conv2d(x, weights, bias=None, stride=1, padding=0):
    """Convolves images.

    :param x: images, ``[count, channels, height, width]``
    :param weights: ``[filters, channels, kernel, kernel]``
    :param bias: ``[filters]``
    """
    return Tensor._own(
        lib.paddle_tensor_conv2d(
            x._pointer, weights._pointer, bias and bias._pointer, stride, padding
        )
    )


def max_pool(x, window):
    """The largest value of each ``window`` x ``window`` pixels of each channel."""
    return Tensor._own(lib.paddle_tensor_max_pool(x._pointer, window))


def _unary(name, x):
    return Tensor._own(lib.paddle_tensor_unary(_UNARY[name], x._pointer))


def relu(x):
    """max(x, 0) of each element."""
    return _unary("relu", x)


def sigmoid(x):
    """1 / (1 + exp(-x)) of each element."""
    return _unary("sigmoid", x)


def tanh(x):
    """The hyperbolic tangent of each element."""
    return _unary("tanh", x)


def softmax(x):
    """Positive numbers that add up to 1, for each row of ``x``."""
    return _unary("softmax", x)
