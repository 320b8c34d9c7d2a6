// SPDX-License-Identifier: Apache-2.0
#include <fstream>

#include "core/error.h"
#include "data/dataset.h"

namespace paddle {
namespace {

/// The content of an IDX file of bytes: two zero bytes, a type byte, the number of
/// extents, the extents as big-endian 32-bit numbers, the data.
struct IdxBytes {
  Shape shape;
  std::vector<unsigned char> data;
};

constexpr int kTypeUnsignedByte = 0x08;

IdxBytes read_idx_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path, ": cannot read the file");
  std::size_t offset = 0;
  const auto read_header = [&](unsigned char (&bytes)[4], const char* what) {
    if (!file.read(reinterpret_cast<char*>(bytes), sizeof bytes))
      fail(path, ": byte ", offset, ": the file ends inside ", what);
    offset += sizeof bytes;
  };

  unsigned char header[4];
  read_header(header, "its header");
  if (header[0] != 0 || header[1] != 0)
    fail(path, ": byte 0: this is not an IDX file (those start with two zero bytes)");
  if (header[2] != kTypeUnsignedByte)
    fail(path, ": byte 2: elements of type ", int{header[2]},
         "; only unsigned bytes (type 8) can be read");
  const int rank = header[3];
  if (rank < 1 || rank > 4)
    fail(path, ": byte 3: ", rank, " extents; 1 to 4 can be read");

  IdxBytes result;
  for (int i = 0; i < rank; ++i) {
    unsigned char bytes[4];
    read_header(bytes, "its extents");
    const std::int64_t extent = std::int64_t{bytes[0]} << 24 |
                                std::int64_t{bytes[1]} << 16 |
                                std::int64_t{bytes[2]} << 8 | std::int64_t{bytes[3]};
    if (extent == 0) fail(path, ": byte ", offset - 4, ": an extent of 0");
    result.shape.push_back(extent);
  }

  // Compare with the file's size before allocating what a broken header asks for.
  const std::size_t expected = element_count(result.shape);
  file.seekg(0, std::ios::end);
  const auto size = static_cast<std::size_t>(file.tellg());
  if (size != offset + expected)
    fail(path, ": byte ", size, ": the file ends here, but its header (",
         to_string(result.shape), ") means ", offset + expected, " bytes");
  file.seekg(static_cast<std::streamoff>(offset));
  result.data.resize(expected);
  if (!file.read(reinterpret_cast<char*>(result.data.data()),
                 static_cast<std::streamsize>(expected)))
    fail(path, ": byte ", offset, ": reading failed");
  return result;
}

}  // namespace

Dataset read_idx(const std::string& images_path, const std::string& labels_path) {
  const IdxBytes images = read_idx_bytes(images_path);
  Shape sample;
  if (images.shape.size() == 3) {
    sample = {1, images.shape[1], images.shape[2]};
  } else if (images.shape.size() == 4) {
    sample = sample_of(images.shape);
  } else {
    fail(images_path, ": byte 3: images have 3 or 4 extents, not ",
         images.shape.size());
  }
  std::vector<float> features;
  features.reserve(images.data.size());
  for (const unsigned char byte : images.data)
    features.push_back(static_cast<float>(byte) / 255.0f);

  std::vector<std::int32_t> labels;
  if (!labels_path.empty()) {
    const IdxBytes read = read_idx_bytes(labels_path);
    if (read.shape.size() != 1)
      fail(labels_path, ": byte 3: labels have 1 extent, not ", read.shape.size());
    if (read.shape[0] != images.shape[0])
      fail(labels_path, ": byte 4: ", read.shape[0], " labels, but ", images_path,
           " has ", images.shape[0], " images");
    labels.assign(read.data.begin(), read.data.end());
  }
  return Dataset(sample, std::move(features), std::move(labels));
}

}  // namespace paddle
