// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <iterator>

#include "io/checkpoint.h"
#include "support.h"

namespace paddle::testing {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() : path_(files_.path("model.pdck")) {
    model_.fit_input(random_values(2 * 4 * 4 * 10, 1), 10);
    save_checkpoint(model_, path_);
  }
  std::string load_error() {
    return error_of([&] { load_checkpoint(path_); });
  }
  void overwrite(const std::string& content) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << content;
  }

  TemporaryDirectory files_;
  std::string path_;
  Model model_{"standardize; conv 3 3 1 1; relu; maxpool 2; dense 5", {2, 4, 4}, 7};
};

TEST_F(CheckpointTest, GivesTheSameModelBack) {
  Model loaded = load_checkpoint(path_);
  EXPECT_EQ(loaded.description(), model_.description());
  const Tensor x = random_tensor({3, 2, 4, 4}, 5);
  EXPECT_EQ(loaded.forward(x).to_vector(), model_.forward(x).to_vector());
}

TEST_F(CheckpointTest, NoticesEveryDamagedByte) {
  const std::string good = read(path_);
  for (std::size_t i = 0; i < good.size(); i += 37) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    overwrite(bad);
    expect_contains(load_error(), i < 4 ? "not a paddle checkpoint" : "damaged");
  }
}

TEST_F(CheckpointTest, NoticesAMissingEnd) {
  overwrite(read(path_).substr(0, 200));
  expect_contains(load_error(), "damaged");
  overwrite("PD");
  expect_contains(load_error(), "not a paddle checkpoint");
}

TEST_F(CheckpointTest, NamesTheFile) {
  expect_contains(error_of([] { load_checkpoint("/nonexistent"); }),
                  "/nonexistent: cannot read");
  expect_contains(error_of([&] { save_checkpoint(model_, "/nonexistent/model"); }),
                  "/nonexistent/model: cannot write");
}

}  // namespace
}  // namespace paddle::testing
