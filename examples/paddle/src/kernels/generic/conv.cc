// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/generic/generic.h"

namespace paddle {
namespace generic {
namespace {

/// Calls visit(column_index, image_index, inside) for every cell of the columns of one
/// image, in the order of the columns.
template <class Visit>
void for_each_cell(const ConvShape& s, Visit visit) {
  size_t column = 0;
  for (size_t channel = 0; channel < s.channels; ++channel)
    for (size_t ky = 0; ky < s.kernel; ++ky)
      for (size_t kx = 0; kx < s.kernel; ++kx)
        for (size_t oy = 0; oy < s.out_height; ++oy) {
          // Unsigned: a cell in the padding above or to the left wraps round to a huge
          // index, so one comparison finds the padding on either side.
          const size_t y = oy * s.stride + ky - s.padding;
          for (size_t ox = 0; ox < s.out_width; ++ox, ++column) {
            const size_t x = ox * s.stride + kx - s.padding;
            const bool inside = y < s.height && x < s.width;
            visit(column, (channel * s.height + y) * s.width + x, inside);
          }
        }
}

size_t image_size(const ConvShape& s) { return s.channels * s.height * s.width; }

size_t columns_size(const ConvShape& s) {
  return s.channels * s.kernel * s.kernel * s.out_height * s.out_width;
}

}  // namespace

void im2col(const ConvShape* shape, const float* images, float* columns) {
  for (size_t i = 0; i < shape->images; ++i) {
    const float* image = images + i * image_size(*shape);
    float* out = columns + i * columns_size(*shape);
    for_each_cell(*shape, [=](size_t column, size_t pixel, bool inside) {
      out[column] = inside ? image[pixel] : 0.0f;
    });
  }
}

void col2im(const ConvShape* shape, const float* columns, float* images) {
  std::fill_n(images, shape->images * image_size(*shape), 0.0f);
  for (size_t i = 0; i < shape->images; ++i) {
    const float* in = columns + i * columns_size(*shape);
    float* image = images + i * image_size(*shape);
    for_each_cell(*shape, [=](size_t column, size_t pixel, bool inside) {
      if (inside) image[pixel] += in[column];
    });
  }
}

void max_pool(const PoolShape* shape, const float* x, float* y, int32_t* winners) {
  const PoolShape& s = *shape;
  for (size_t plane = 0; plane < s.planes; ++plane, x += s.height * s.width)
    for (size_t oy = 0; oy < s.out_height; ++oy)
      for (size_t ox = 0; ox < s.out_width; ++ox) {
        size_t best = oy * s.window * s.width + ox * s.window;
        for (size_t wy = 0; wy < s.window; ++wy)
          for (size_t wx = 0; wx < s.window; ++wx) {
            const size_t i = (oy * s.window + wy) * s.width + ox * s.window + wx;
            if (x[i] > x[best]) best = i;
          }
        *y++ = x[best];
        *winners++ = static_cast<int32_t>(best);
      }
}

void max_pool_gradient(const PoolShape* shape, const float* dy, const int32_t* winners,
                       float* dx) {
  const PoolShape& s = *shape;
  const size_t outputs = s.out_height * s.out_width;
  std::fill_n(dx, s.planes * s.height * s.width, 0.0f);
  for (size_t plane = 0; plane < s.planes; ++plane, dx += s.height * s.width)
    for (size_t i = 0; i < outputs; ++i) dx[*winners++] = *dy++;
}

}  // namespace generic
}  // namespace paddle
