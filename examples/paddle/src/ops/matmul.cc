// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"
#include "ops/ops.h"
#include "ops/ranges.h"

namespace paddle::ops {
namespace {

std::size_t rows_of(const Tensor& matrix) {
  if (matrix.rank() < 2)
    fail("a matrix needs two extents, not shape ", to_string(matrix.shape()));
  return matrix.dim(0);
}

std::size_t columns_of(const Tensor& matrix) {
  return element_count(sample_of(matrix.shape()));
}

}  // namespace

void run_gemm(const Gemm& gemm) {
  const KernelTable& family = kernels();
  const std::size_t product_cost = gemm.m * gemm.n * gemm.k;

  // Cut where there is most to cut: members of the batch, else rows or columns of C.
  // Never the depth: each element of C is summed up by one thread, in one order.
  if (!gemm.sum_batch && gemm.batch >= thread_count() && gemm.batch > 1) {
    for_ranges(gemm.batch, product_cost, [&](std::size_t begin, std::size_t count) {
      Gemm part = gemm;
      part.batch = count;
      part.a += begin * gemm.stride_a;
      part.b += begin * gemm.stride_b;
      part.c += begin * gemm.stride_c;
      family.gemm(&part);
    });
  } else if (gemm.m >= gemm.n) {
    for_ranges(gemm.m, gemm.n * gemm.k * gemm.batch,
               [&](std::size_t begin, std::size_t count) {
                 Gemm part = gemm;
                 part.m = count;
                 part.a += begin * (gemm.transpose_a ? 1 : gemm.lda);
                 part.c += begin * gemm.ldc;
                 family.gemm(&part);
               });
  } else {
    for_ranges(gemm.n, gemm.m * gemm.k * gemm.batch,
               [&](std::size_t begin, std::size_t count) {
                 Gemm part = gemm;
                 part.n = count;
                 part.b += begin * (gemm.transpose_b ? gemm.ldb : 1);
                 part.c += begin;
                 family.gemm(&part);
               });
  }
}

void matmul(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b,
            Tensor& c, bool accumulate) {
  Gemm gemm{};
  gemm.m = transpose_a ? columns_of(a) : rows_of(a);
  gemm.k = transpose_a ? rows_of(a) : columns_of(a);
  gemm.n = transpose_b ? rows_of(b) : columns_of(b);
  const std::size_t inner = transpose_b ? columns_of(b) : rows_of(b);
  if (inner != gemm.k)
    fail("cannot multiply ", to_string(a.shape()), transpose_a ? " transposed" : "",
         " by ", to_string(b.shape()), transpose_b ? " transposed" : "");
  const Shape result{static_cast<std::int64_t>(gemm.m),
                     static_cast<std::int64_t>(gemm.n)};
  if (!accumulate) {
    c.resize(result);
  } else if (c.size() != gemm.m * gemm.n) {
    fail("cannot add a product of shape ", to_string(result), " to ",
         to_string(c.shape()));
  }
  gemm.a = a.raw();
  gemm.lda = columns_of(a);
  gemm.transpose_a = transpose_a;
  gemm.b = b.raw();
  gemm.ldb = columns_of(b);
  gemm.transpose_b = transpose_b;
  gemm.c = c.raw();
  gemm.ldc = gemm.n;
  gemm.accumulate = accumulate;
  gemm.batch = 1;
  run_gemm(gemm);
}

}  // namespace paddle::ops
