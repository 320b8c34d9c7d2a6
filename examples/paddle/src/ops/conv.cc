// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"
#include "ops/ops.h"
#include "ops/ranges.h"

namespace paddle::ops {
namespace {

std::size_t patch_size(const ConvShape& s) { return s.channels * s.kernel * s.kernel; }
std::size_t out_pixels(const ConvShape& s) { return s.out_height * s.out_width; }

std::int64_t signed_size(std::size_t n) { return static_cast<std::int64_t>(n); }

/// Calls body(part, first_image), `part` being the geometry of some of the images.
void for_images(const ConvShape& shape,
                const std::function<void(const ConvShape&, std::size_t)>& body) {
  for_ranges(shape.images, patch_size(shape) * out_pixels(shape),
             [&](std::size_t begin, std::size_t count) {
               ConvShape part = shape;
               part.images = count;
               body(part, begin);
             });
}

}  // namespace

ConvShape conv_shape(const Shape& x, std::int64_t kernel, std::int64_t stride,
                     std::int64_t padding) {
  if (x.size() != 4)
    fail("a convolution needs images (count x channels x height x width), not shape ",
         to_string(x));
  if (kernel < 1 || stride < 1 || padding < 0 || padding >= kernel)
    fail("a convolution of kernel ", kernel, ", stride ", stride, ", padding ", padding,
         " makes no sense");
  const std::int64_t height = x[2] + 2 * padding;
  const std::int64_t width = x[3] + 2 * padding;
  if (kernel > height || kernel > width)
    fail("a kernel of ", kernel, " does not fit into images of shape ", to_string(x));
  ConvShape s{};
  s.images = static_cast<std::size_t>(x[0]);
  s.channels = static_cast<std::size_t>(x[1]);
  s.height = static_cast<std::size_t>(x[2]);
  s.width = static_cast<std::size_t>(x[3]);
  s.kernel = static_cast<std::size_t>(kernel);
  s.stride = static_cast<std::size_t>(stride);
  s.padding = static_cast<std::size_t>(padding);
  s.out_height = static_cast<std::size_t>((height - kernel) / stride + 1);
  s.out_width = static_cast<std::size_t>((width - kernel) / stride + 1);
  return s;
}

// A convolution is a matrix product once each image is unfolded: column (oy, ox) holds
// all inputs that output pixel sees, and each filter is a row of weights.

void conv2d(const ConvShape& shape, const Tensor& x, const Tensor& weights,
            const Tensor& bias, Tensor& columns, Tensor& y) {
  const std::size_t filters = weights.dim(0);
  const std::size_t patch = patch_size(shape);
  const std::size_t pixels = out_pixels(shape);
  if (weights.size() != filters * patch)
    fail("weights of shape ", to_string(weights.shape()),
         " do not fit images of shape ", to_string(x.shape()));

  columns.resize({signed_size(shape.images), signed_size(patch), signed_size(pixels)});
  const std::size_t image = shape.channels * shape.height * shape.width;
  for_images(shape, [&](const ConvShape& part, std::size_t first) {
    kernels().im2col(&part, x.raw() + first * image,
                     columns.raw() + first * patch * pixels);
  });

  y.resize({signed_size(shape.images), signed_size(filters),
            signed_size(shape.out_height), signed_size(shape.out_width)});
  Gemm gemm{};
  gemm.m = filters;
  gemm.n = pixels;
  gemm.k = patch;
  gemm.a = weights.raw();
  gemm.lda = patch;
  gemm.b = columns.raw();
  gemm.ldb = pixels;
  gemm.stride_b = patch * pixels;
  gemm.c = y.raw();
  gemm.ldc = pixels;
  gemm.stride_c = filters * pixels;
  gemm.batch = shape.images;
  run_gemm(gemm);
  add_bias(y, bias);
}

void conv2d_parameter_gradient(const ConvShape& shape, const Tensor& columns,
                               const Tensor& dy, Tensor& dweights, Tensor& dbias) {
  const std::size_t filters = dweights.dim(0);
  const std::size_t patch = patch_size(shape);
  const std::size_t pixels = out_pixels(shape);
  Gemm gemm{};  // dweights += sum over images of dy * columns^T
  gemm.m = filters;
  gemm.n = patch;
  gemm.k = pixels;
  gemm.a = dy.raw();
  gemm.lda = pixels;
  gemm.stride_a = filters * pixels;
  gemm.b = columns.raw();
  gemm.ldb = pixels;
  gemm.transpose_b = true;
  gemm.stride_b = patch * pixels;
  gemm.c = dweights.raw();
  gemm.ldc = patch;
  gemm.accumulate = true;
  gemm.batch = shape.images;
  gemm.sum_batch = true;
  run_gemm(gemm);
  sum_bias(dy, dbias);
}

void conv2d_input_gradient(const ConvShape& shape, const Tensor& weights,
                           const Tensor& dy, Tensor& columns, Tensor& dx) {
  const std::size_t filters = weights.dim(0);
  const std::size_t patch = patch_size(shape);
  const std::size_t pixels = out_pixels(shape);
  Gemm gemm{};  // dcolumns = weights^T * dy
  gemm.m = patch;
  gemm.n = pixels;
  gemm.k = filters;
  gemm.a = weights.raw();
  gemm.lda = patch;
  gemm.transpose_a = true;
  gemm.b = dy.raw();
  gemm.ldb = pixels;
  gemm.stride_b = filters * pixels;
  gemm.c = columns.raw();
  gemm.ldc = pixels;
  gemm.stride_c = patch * pixels;
  gemm.batch = shape.images;
  run_gemm(gemm);

  dx.resize({signed_size(shape.images), signed_size(shape.channels),
             signed_size(shape.height), signed_size(shape.width)});
  const std::size_t image = shape.channels * shape.height * shape.width;
  for_images(shape, [&](const ConvShape& part, std::size_t first) {
    kernels().col2im(&part, columns.raw() + first * patch * pixels,
                     dx.raw() + first * image);
  });
}

PoolShape pool_shape(const Shape& x, std::int64_t window) {
  if (x.size() != 4)
    fail("pooling needs images (count x channels x height x width), not shape ",
         to_string(x));
  if (window < 1 || window > x[2] || window > x[3])
    fail("a pooling window of ", window, " does not fit into images of shape ",
         to_string(x));
  PoolShape s{};
  s.planes = static_cast<std::size_t>(x[0] * x[1]);
  s.height = static_cast<std::size_t>(x[2]);
  s.width = static_cast<std::size_t>(x[3]);
  s.window = static_cast<std::size_t>(window);
  s.out_height = s.height / s.window;
  s.out_width = s.width / s.window;
  return s;
}

void max_pool(const PoolShape& shape, const Tensor& x, Tensor& y,
              Buffer<std::int32_t>& winners) {
  y.resize({x.shape()[0], x.shape()[1], signed_size(shape.out_height),
            signed_size(shape.out_width)});
  winners.resize(kernels(), y.size());
  const std::size_t in = shape.height * shape.width;
  const std::size_t out = shape.out_height * shape.out_width;
  for_ranges(shape.planes, in, [&](std::size_t begin, std::size_t count) {
    PoolShape part = shape;
    part.planes = count;
    kernels().max_pool(&part, x.raw() + begin * in, y.raw() + begin * out,
                       winners.raw() + begin * out);
  });
}

void max_pool_gradient(const PoolShape& shape, const Tensor& dy,
                       const Buffer<std::int32_t>& winners, Tensor& dx) {
  dx.resize({dy.shape()[0], dy.shape()[1], signed_size(shape.height),
             signed_size(shape.width)});
  const std::size_t in = shape.height * shape.width;
  const std::size_t out = shape.out_height * shape.out_width;
  for_ranges(shape.planes, in, [&](std::size_t begin, std::size_t count) {
    PoolShape part = shape;
    part.planes = count;
    kernels().max_pool_gradient(&part, dy.raw() + begin * out,
                                winners.raw() + begin * out, dx.raw() + begin * in);
  });
}

}  // namespace paddle::ops
