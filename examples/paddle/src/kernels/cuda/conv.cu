// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch.cuh"

namespace paddle {
namespace cuda {
namespace {

/// One thread per cell of the columns.
__global__ void im2col_kernel(ConvShape s, const float* images, float* columns,
                              size_t n) {
  for (size_t i = first_index(); i < n; i += index_step()) {
    size_t rest = i;
    const size_t ox = rest % s.out_width;
    rest /= s.out_width;
    const size_t oy = rest % s.out_height;
    rest /= s.out_height;
    const size_t kx = rest % s.kernel;
    rest /= s.kernel;
    const size_t ky = rest % s.kernel;
    rest /= s.kernel;  // image * channels + channel
    // Unsigned: the padding above and to the left wraps round to a huge index.
    const size_t y = oy * s.stride + ky - s.padding;
    const size_t x = ox * s.stride + kx - s.padding;
    const bool inside = y < s.height && x < s.width;
    columns[i] = inside ? images[(rest * s.height + y) * s.width + x] : 0.0f;
  }
}

/// One thread per pixel, which gathers from the columns that the pixel went to. The
/// other way round, scattering, would need atomic additions.
__global__ void col2im_kernel(ConvShape s, const float* columns, float* images,
                              size_t n) {
  for (size_t i = first_index(); i < n; i += index_step()) {
    const size_t x = i % s.width + s.padding;
    const size_t y = i / s.width % s.height + s.padding;
    const size_t plane = i / (s.width * s.height);  // image * channels + channel
    float sum = 0.0f;
    for (size_t ky = 0; ky < s.kernel; ++ky)
      for (size_t kx = 0; kx < s.kernel; ++kx) {
        if (y < ky || x < kx) continue;
        if ((y - ky) % s.stride != 0 || (x - kx) % s.stride != 0) continue;
        const size_t oy = (y - ky) / s.stride;
        const size_t ox = (x - kx) / s.stride;
        if (oy >= s.out_height || ox >= s.out_width) continue;
        const size_t row = (plane * s.kernel + ky) * s.kernel + kx;
        sum += columns[(row * s.out_height + oy) * s.out_width + ox];
      }
    images[i] = sum;
  }
}

/// One thread per window.
__global__ void max_pool_kernel(PoolShape s, const float* x, float* y, int32_t* winners,
                                size_t n) {
  for (size_t i = first_index(); i < n; i += index_step()) {
    const size_t ox = i % s.out_width;
    const size_t oy = i / s.out_width % s.out_height;
    const float* plane = x + i / (s.out_width * s.out_height) * s.height * s.width;
    size_t best = oy * s.window * s.width + ox * s.window;
    for (size_t wy = 0; wy < s.window; ++wy)
      for (size_t wx = 0; wx < s.window; ++wx) {
        const size_t candidate = (oy * s.window + wy) * s.width + ox * s.window + wx;
        if (plane[candidate] > plane[best]) best = candidate;
      }
    y[i] = plane[best];
    winners[i] = static_cast<int32_t>(best);
  }
}

/// One thread per pixel: the gradient of its window when it won there, else 0.
__global__ void max_pool_gradient_kernel(PoolShape s, const float* dy,
                                         const int32_t* winners, float* dx, size_t n) {
  for (size_t i = first_index(); i < n; i += index_step()) {
    const size_t pixel = i % (s.height * s.width);
    const size_t plane = i / (s.height * s.width);
    const size_t oy = pixel / s.width / s.window;
    const size_t ox = pixel % s.width / s.window;
    float gradient = 0.0f;
    if (oy < s.out_height && ox < s.out_width) {
      const size_t window = (plane * s.out_height + oy) * s.out_width + ox;
      if (static_cast<size_t>(winners[window]) == pixel) gradient = dy[window];
    }
    dx[i] = gradient;
  }
}

}  // namespace

void im2col(const ConvShape* shape, const float* images, float* columns) {
  const ConvShape& s = *shape;
  const size_t n =
      s.images * s.channels * s.kernel * s.kernel * s.out_height * s.out_width;
  if (n == 0) return;
  im2col_kernel<<<blocks_for(n), kThreads>>>(s, images, columns, n);
  check(cudaGetLastError(), "im2col");
}

void col2im(const ConvShape* shape, const float* columns, float* images) {
  const ConvShape& s = *shape;
  const size_t n = s.images * s.channels * s.height * s.width;
  if (n == 0) return;
  col2im_kernel<<<blocks_for(n), kThreads>>>(s, columns, images, n);
  check(cudaGetLastError(), "col2im");
}

void max_pool(const PoolShape* shape, const float* x, float* y, int32_t* winners) {
  const size_t n = shape->planes * shape->out_height * shape->out_width;
  if (n == 0) return;
  max_pool_kernel<<<blocks_for(n), kThreads>>>(*shape, x, y, winners, n);
  check(cudaGetLastError(), "max_pool");
}

void max_pool_gradient(const PoolShape* shape, const float* dy, const int32_t* winners,
                       float* dx) {
  const size_t n = shape->planes * shape->height * shape->width;
  if (n == 0) return;
  max_pool_gradient_kernel<<<blocks_for(n), kThreads>>>(*shape, dy, winners, dx, n);
  check(cudaGetLastError(), "max_pool_gradient");
}

}  // namespace cuda
}  // namespace paddle
