// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "core/tensor.h"

namespace paddle::testing {

using Values = std::vector<float>;

inline Values random_values(std::size_t count, std::uint64_t seed, float low = -2.0f,
                            float high = 2.0f) {
  Random random(seed);
  Values values(count);
  for (float& value : values) value = random.uniform(low, high);
  return values;
}

inline Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
  return Tensor::from(shape, random_values(element_count(shape), seed));
}

inline void expect_near(const Values& actual, const Values& expected,
                        double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i)
    ASSERT_NEAR(actual[i], expected[i], tolerance * (1.0 + std::fabs(expected[i])))
        << "at index " << i;
}

/// The text of the Error that body() throws.
template <class Body>
std::string error_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

inline void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos)
      << "'" << part << "' is not in '" << text << "'";
}

/// A directory that goes away with its files when the test ends.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    path_ = ::testing::TempDir() + "/paddle-test-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) fail("cannot make ", path_);
  }
  ~TemporaryDirectory() {
    for (const std::string& file : files_) ::unlink(file.c_str());
    ::rmdir(path_.c_str());
  }

  std::string path(const std::string& name) {
    files_.push_back(path_ + "/" + name);
    return files_.back();
  }
  std::string write(const std::string& name, const std::string& content) {
    const std::string file = path(name);
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }

 private:
  std::string path_;
  std::vector<std::string> files_;
};

}  // namespace paddle::testing
