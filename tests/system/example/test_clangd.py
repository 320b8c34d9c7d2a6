"""A real clangd reads the example as an editor does."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from system.project import Project
from system.test_editor import clangd, mistakes

__all__ = ["clangd"]

# One file of each kind: C++ and CUDA, their headers, intrinsics, tests with GoogleTest.
SAMPLE = (
    "src/capi/training.cc",
    "src/kernels/avx2/gemm.cc",
    "src/kernels/cuda/gemm.cu",
    "src/kernels/cuda/runtime.cu",
    "src/kernels/cuda/launch.cuh",
    "src/kernels/cuda/cuda_family.h",
    "src/cli/main.cc",
    "tests/kernel_test.cc",
    "include/paddle/paddle.h",
    "src/nn/layers.h",
)


@pytest.fixture(scope="module")
def configured(paddle: Project) -> Project:
    """The example, configured by CMake and not compiled: what an editor needs is there."""
    paddle.succeeds("build", "--target", "help")
    return paddle


def source(project: Project) -> Path:
    return project.root / "examples/paddle"


def test_clangd_reads_a_sample_of_the_example(configured: Project, clangd: str) -> None:
    files = [source(configured) / name for name in SAMPLE]
    read_all(configured, clangd, files)


def test_clangd_reads_every_file_of_the_example(configured: Project, clangd: str) -> None:
    suffixes = (".cc", ".h", ".cu", ".cuh")
    files = [f for f in sorted(source(configured).rglob("*")) if f.suffix in suffixes]
    assert len(files) > 80
    read_all(configured, clangd, files)


def read_all(project: Project, clangd: str, files: list[Path]) -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda file: mistakes(clangd, project, file), files)
    wrong = {str(file): lines for file, lines in zip(files, found, strict=True) if lines}
    assert wrong == {}
