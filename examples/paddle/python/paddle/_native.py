# SPDX-License-Identifier: Apache-2.0
"""Finds and loads libpaddle.so.0 and declares its functions."""

import ctypes
import os
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint64,
    c_void_p,
)

_LIBRARY = "libpaddle.so.0"


class PaddleError(Exception):
    """The library refused to do something; the text says why."""


def _load():
    named = os.environ.get("PADDLE_LIBRARY")
    if named:
        return ctypes.CDLL(named)
    # lib/python3/dist-packages/paddle -> lib, both installed and in the build tree.
    here = os.path.dirname(os.path.realpath(__file__))
    beside = os.path.normpath(os.path.join(here, "..", "..", "..", _LIBRARY))
    return ctypes.CDLL(beside if os.path.exists(beside) else _LIBRARY)


try:
    lib = _load()
except OSError as error:
    raise ImportError(f"cannot load {_LIBRARY}: {error}") from error

Shape = POINTER(c_int64)
Floats = POINTER(c_float)
Labels = POINTER(c_int32)
Report = CFUNCTYPE(None, c_char_p, c_void_p)
EpochCallback = CFUNCTYPE(c_int, c_int, c_double, c_double, c_void_p)


class TrainOptions(Structure):
    _fields_ = [("epochs", c_int), ("batch_size", c_size_t), ("seed", c_uint64)]


def _declare(prototypes):
    for name, (result, *arguments) in prototypes.items():
        function = getattr(lib, "paddle_" + name)
        function.restype = result
        function.argtypes = arguments


# All objects are opaque pointers.
_declare(
    {
        "version": (c_char_p,),
        "build_options": (c_char_p,),
        "cpu_problem": (c_char_p,),
        "kernel_family": (c_char_p,),
        "last_error": (c_char_p,),
        "threads": (c_size_t,),
        "set_threads": (c_int, c_size_t),
        "self_check": (c_int, Report, c_void_p),
        "tensor_new": (c_void_p, Shape, c_size_t, Floats),
        "tensor_random": (c_void_p, Shape, c_size_t, c_uint64),
        "tensor_free": (None, c_void_p),
        "tensor_rank": (c_size_t, c_void_p),
        "tensor_shape": (Shape, c_void_p),
        "tensor_size": (c_size_t, c_void_p),
        "tensor_data": (Floats, c_void_p),
        "tensor_reshape": (c_void_p, c_void_p, Shape, c_size_t),
        "tensor_binary": (c_void_p, c_int, c_void_p, c_void_p),
        "tensor_scale": (c_void_p, c_float, c_void_p),
        "tensor_unary": (c_void_p, c_int, c_void_p),
        "tensor_matmul": (c_void_p, c_void_p, c_int, c_void_p, c_int),
        "tensor_conv2d": (c_void_p, c_void_p, c_void_p, c_void_p, c_int64, c_int64),
        "tensor_max_pool": (c_void_p, c_void_p, c_int64),
        "dataset_new": (c_void_p, Shape, c_size_t, Floats, Labels, c_size_t),
        "dataset_read_csv": (c_void_p, c_char_p, c_size_t),
        "dataset_read_idx": (c_void_p, c_char_p, c_char_p),
        "dataset_synthetic": (c_void_p, c_char_p, c_size_t, c_uint64),
        "dataset_split": (
            c_int,
            c_void_p,
            c_double,
            c_uint64,
            POINTER(c_void_p),
            POINTER(c_void_p),
        ),
        "dataset_free": (None, c_void_p),
        "dataset_size": (c_size_t, c_void_p),
        "dataset_classes": (c_int64, c_void_p),
        "dataset_rank": (c_size_t, c_void_p),
        "dataset_shape": (Shape, c_void_p),
        "dataset_features": (Floats, c_void_p),
        "dataset_labels": (Labels, c_void_p),
        "model_new": (c_void_p, c_char_p, Shape, c_size_t, c_uint64),
        "model_preset": (c_void_p, c_char_p, c_void_p, c_uint64),
        "model_load": (c_void_p, c_char_p),
        "model_save": (c_int, c_void_p, c_char_p),
        "model_free": (None, c_void_p),
        "model_layers": (c_char_p, c_void_p),
        "model_rank": (c_size_t, c_void_p),
        "model_shape": (Shape, c_void_p),
        "model_parameters": (c_size_t, c_void_p),
        "model_forward": (c_void_p, c_void_p, c_void_p),
        "optimizer_new": (c_void_p, c_char_p, c_float, c_float, c_float),
        "optimizer_free": (None, c_void_p),
        "train_batch": (c_int, c_void_p, c_void_p, c_void_p, Labels, POINTER(c_double)),
        "train_batch_regression": (
            c_int,
            c_void_p,
            c_void_p,
            c_void_p,
            c_void_p,
            POINTER(c_double),
        ),
        "ring_new": (c_void_p, c_int, c_int, c_char_p, c_int, c_double),
        "ring_free": (None, c_void_p),
        "ring_sum": (c_int, c_void_p, Floats, c_size_t),
        "train_batch_on": (
            c_int,
            c_void_p,
            c_void_p,
            c_void_p,
            c_void_p,
            Labels,
            POINTER(c_double),
        ),
        "train": (
            c_int,
            c_void_p,
            c_void_p,
            c_void_p,
            POINTER(TrainOptions),
            EpochCallback,
            c_void_p,
        ),
        "evaluate": (
            c_int,
            c_void_p,
            c_void_p,
            POINTER(c_double),
            POINTER(c_double),
        ),
        "predict": (c_void_p, c_void_p, c_void_p),
    }
)

_problem = lib.paddle_cpu_problem()
if _problem is not None:
    raise ImportError(_problem.decode())


def failure():
    """The exception for the call that just failed."""
    return PaddleError(lib.paddle_last_error().decode(errors="replace"))


def check(status):
    """Raises unless a status code says that all is well."""
    if status != 0:
        raise failure()


class Handle:
    """Owns an object of the library."""

    def __init__(self, pointer, release):
        if not pointer:
            raise failure()
        self.pointer = pointer
        self._release = release

    def __del__(self):
        # Not set when the object could not be made.
        if hasattr(self, "_release"):
            self._release(self.pointer)


def extents(shape):
    """A shape as a C array, and its length."""
    shape = [int(extent) for extent in shape]
    return (c_int64 * max(1, len(shape)))(*shape), len(shape)


def encode_path(path):
    return os.fsencode(path)


def version():
    """The version of the library, such as ``"0.1.0"``."""
    return lib.paddle_version().decode()


def build_options():
    """What the library was built with, such as ``"GPU=OFF AVX=ON"``."""
    return lib.paddle_build_options().decode()


def kernel_family():
    """The kernels that the library computes with: generic, avx2 or cuda."""
    name = lib.paddle_kernel_family()
    if name is None:
        raise failure()
    return name.decode()


def threads():
    """How many threads the library computes on."""
    count = lib.paddle_threads()
    if count == 0:
        raise failure()
    return count


def set_threads(count):
    """Computes on ``count`` threads from now on."""
    check(lib.paddle_set_threads(count))


def self_check():
    """Compares the families of kernels on random data.

    Returns the report, one line per element; raises :class:`PaddleError` when the
    kernels disagree.
    """
    lines = []
    check(lib.paddle_self_check(Report(lambda line, _: lines.append(line.decode())), None))
    return lines
