// SPDX-License-Identifier: Apache-2.0
// A checkpoint holds, little-endian throughout:
//
//     "PDCK", format version (u32)
//     description (string), rank and extents of the input (u32, u64 …)
//     number of parameters (u32); for each: name (string), count (u64), floats
//     CRC-32 of everything before (u32)
//
// where a string is its length (u32) and its bytes.

#include "io/checkpoint.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "core/error.h"

namespace paddle {
namespace {

constexpr char kMagic[4] = {'P', 'D', 'C', 'K'};
constexpr std::uint32_t kFormat = 1;

std::uint32_t crc32(const std::string& bytes, std::size_t count) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> values{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit)
        value = (value & 1u) ? 0xedb88320u ^ (value >> 1) : value >> 1;
      values[i] = value;
    }
    return values;
  }();
  std::uint32_t crc = 0xffffffffu;
  for (std::size_t i = 0; i < count; ++i)
    crc = table[(crc ^ static_cast<unsigned char>(bytes[i])) & 0xffu] ^ (crc >> 8);
  return ~crc;
}

class Writer {
 public:
  template <class Integer>
  void integer(Integer value) {
    for (std::size_t i = 0; i < sizeof value; ++i)
      bytes_ += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff);
  }
  void string(const std::string& text) {
    integer(static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
  }
  void number(float value) {
    std::uint32_t bits;
    static_assert(sizeof bits == sizeof value, "floats have 32 bits");
    std::memcpy(&bits, &value, sizeof bits);
    integer(bits);
  }
  void raw(const char* data, std::size_t size) { bytes_.append(data, size); }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class Reader {
 public:
  Reader(const std::string& path, std::string bytes)
      : path_(path), bytes_(std::move(bytes)) {}

  template <class Integer>
  Integer integer() {
    require(sizeof(Integer));
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Integer); ++i)
      value |= std::uint64_t{static_cast<unsigned char>(bytes_[position_ + i])}
               << (8 * i);
    position_ += sizeof(Integer);
    return static_cast<Integer>(value);
  }
  std::string string() {
    const auto size = integer<std::uint32_t>();
    require(size);
    position_ += size;
    return bytes_.substr(position_ - size, size);
  }
  float number() {
    const auto bits = integer<std::uint32_t>();
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

 private:
  void require(std::size_t size) const {
    if (size > bytes_.size() - position_)
      fail(path_, ": byte ", position_, ": the checkpoint ends too early");
  }

  const std::string& path_;
  std::string bytes_;
  std::size_t position_ = 0;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path, ": cannot read the file");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void write_file(const std::string& path, const std::string& bytes) {
  // Beside the target, so that the rename stays within one file system.
  const std::string temporary = path + ".part";
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) {
    std::remove(temporary.c_str());
    fail(path, ": cannot write the file");
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    std::remove(temporary.c_str());
    fail(path, ": cannot put the file in place");
  }
}

}  // namespace

void save_checkpoint(const Model& model, const std::string& path) {
  Writer out;
  out.raw(kMagic, sizeof kMagic);
  out.integer(kFormat);
  out.string(model.description());
  out.integer(static_cast<std::uint32_t>(model.input_shape().size()));
  for (const std::int64_t extent : model.input_shape()) out.integer(extent);
  out.integer(static_cast<std::uint32_t>(model.parameters().size()));
  for (const Parameter* parameter : model.parameters()) {
    out.string(parameter->name);
    out.integer(std::uint64_t{parameter->value.size()});
    const float* values = parameter->value.data();
    for (std::size_t i = 0; i < parameter->value.size(); ++i) out.number(values[i]);
  }
  out.integer(crc32(out.bytes(), out.bytes().size()));
  write_file(path, out.bytes());
}

Model load_checkpoint(const std::string& path) {
  std::string bytes = read_file(path);
  if (bytes.size() < 12 || bytes.compare(0, sizeof kMagic, kMagic, sizeof kMagic) != 0)
    fail(path, ": this is not a paddle checkpoint");
  const std::size_t checked = bytes.size() - sizeof(std::uint32_t);
  const std::uint32_t crc = crc32(bytes, checked);
  const auto stored = Reader(path, bytes.substr(checked)).integer<std::uint32_t>();
  if (crc != stored)
    fail(path, ": the checkpoint is damaged (its checksum does not match)");

  Reader in(path, bytes.substr(sizeof kMagic));
  const auto format = in.integer<std::uint32_t>();
  if (format != kFormat)
    fail(path, ": checkpoint format ", format, "; this version reads format ", kFormat);
  const std::string description = in.string();
  Shape input(in.integer<std::uint32_t>());
  for (std::int64_t& extent : input) extent = in.integer<std::int64_t>();

  Model model(description, input, /*seed=*/0);
  const auto count = in.integer<std::uint32_t>();
  if (count != model.parameters().size())
    fail(path, ": ", count, " parameters for a model of ", model.parameters().size());
  for (Parameter* parameter : model.parameters()) {
    const std::string name = in.string();
    const auto size = in.integer<std::uint64_t>();
    if (name != parameter->name || size != parameter->value.size())
      fail(path, ": parameter ", name, " of ", size, " values where the model has ",
           parameter->name, " of ", parameter->value.size());
    float* values = parameter->value.data();
    for (std::size_t i = 0; i < size; ++i) values[i] = in.number();
  }
  return model;
}

}  // namespace paddle
