// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "data/dataset.h"
#include "support.h"

namespace paddle::testing {
namespace {

class DataTest : public ::testing::Test {
 protected:
  Dataset csv(const std::string& content, std::size_t features = 0) {
    return read_csv(files_.write("data.csv", content), features);
  }
  std::string csv_error(const std::string& content, std::size_t features = 0) {
    return error_of([&] { csv(content, features); });
  }

  TemporaryDirectory files_;
};

TEST_F(DataTest, CsvWithNames) {
  const Dataset data = csv("x, y, class\n1, 2.5e-1, 0\r\n\n-3,4,2\n");
  EXPECT_EQ(data.size(), 2u);
  EXPECT_EQ(data.sample_shape(), Shape{2});
  EXPECT_EQ(data.features(), (Values{1.0f, 0.25f, -3.0f, 4.0f}));
  EXPECT_EQ(data.labels(), (std::vector<std::int32_t>{0, 2}));
  EXPECT_EQ(data.classes(), 3);
}

TEST_F(DataTest, CsvWithoutClasses) {
  const Dataset data = csv("1,2\n3,4\n", 2);
  EXPECT_FALSE(data.labelled());
  EXPECT_EQ(data.size(), 2u);
}

TEST_F(DataTest, CsvErrorsNameTheLine) {
  expect_contains(csv_error("1,2,0\n1,x,0\n"),
                  "data.csv:2: column 2: 'x' is not a number");
  expect_contains(csv_error("1,2,0\n\n1,2\n"), "data.csv:3: 2 columns");
  expect_contains(csv_error("a,b,c\n1,2,0.5\n"),
                  "data.csv:2: column 3: '0.5' is not a class");
  expect_contains(csv_error("1,2,-1\n"), "data.csv:1: column 3: '-1' is not a class");
  expect_contains(csv_error("1,,0\n"), "data.csv:1: column 2: ''");
  expect_contains(csv_error("nan,1,0\n"), "data.csv:1: column 1: 'nan'");
  expect_contains(csv_error("1,2,3,4,0\n", 2), "data.csv:1: 5 columns");
  expect_contains(csv_error("1\n"), "data.csv:1:");
  expect_contains(csv_error("a,b\n"), "no data");
  expect_contains(error_of([] { read_csv("/nonexistent.csv"); }),
                  "/nonexistent.csv: cannot");
}

/// The bytes of an IDX file.
std::string idx(int type, const std::vector<unsigned>& shape, std::size_t bytes) {
  std::string content{'\0', '\0', static_cast<char>(type),
                      static_cast<char>(shape.size())};
  for (const unsigned extent : shape)
    for (int shift = 24; shift >= 0; shift -= 8)
      content += static_cast<char>(extent >> shift & 0xff);
  for (std::size_t i = 0; i < bytes; ++i) content += static_cast<char>(i % 5 * 51);
  return content;
}

TEST_F(DataTest, IdxImagesAndLabels) {
  const std::string images = files_.write("images.idx", idx(8, {3, 2, 2}, 12));
  const std::string labels =
      files_.write("labels.idx", idx(8, {3}, 0) + '\2' + '\0' + '\1');
  const Dataset data = read_idx(images, labels);
  EXPECT_EQ(data.size(), 3u);
  EXPECT_EQ(data.sample_shape(), (Shape{1, 2, 2}));
  expect_near({data.features().begin(), data.features().begin() + 6},
              {0.0f, 0.2f, 0.4f, 0.6f, 0.8f, 0.0f}, 1e-6);
  EXPECT_EQ(data.labels(), (std::vector<std::int32_t>{2, 0, 1}));
}

TEST_F(DataTest, IdxErrorsNameTheByte) {
  const auto error = [&](const std::string& content) {
    const std::string path = files_.write("images.idx", content);
    return error_of([&] { read_idx(path, ""); });
  };
  expect_contains(error(""), "images.idx: byte 0: the file ends");
  expect_contains(error("GIF89a"), "images.idx: byte 0: this is not an IDX file");
  expect_contains(error(idx(0x0d, {1, 2, 2}, 4)), "images.idx: byte 2:");
  expect_contains(error(idx(8, {4}, 4)), "images.idx: byte 3:");
  expect_contains(error(idx(8, {2, 2, 2}, 0).substr(0, 10)), "images.idx: byte 8:");
  expect_contains(error(idx(8, {2, 0, 2}, 0)), "images.idx: byte 8: an extent of 0");
  expect_contains(error(idx(8, {2, 2, 2}, 7)),
                  "images.idx: byte 23: the file ends here");
  // A header that asks for more memory than there is must not try to get it.
  expect_contains(error(idx(8, {0xffffffffu, 0xffffffffu, 1}, 1)), "too large");
}

TEST_F(DataTest, IdxLabelsMustFitTheImages) {
  const std::string images = files_.write("images.idx", idx(8, {3, 2, 2}, 12));
  const std::string labels = files_.write("labels.idx", idx(8, {2}, 2));
  expect_contains(error_of([&] { read_idx(images, labels); }),
                  "labels.idx: byte 4: 2 labels");
}

TEST_F(DataTest, SplitLosesNothing) {
  std::vector<float> features(100);
  std::vector<std::int32_t> labels(100, 0);
  for (std::size_t i = 0; i < 100; ++i) features[i] = static_cast<float>(i);
  const Dataset data({1}, features, labels);
  Random random(1);
  Dataset part, rest;
  data.split(0.3, random, &part, &rest);
  EXPECT_EQ(part.size(), 30u);
  std::set<float> all(part.features().begin(), part.features().end());
  all.insert(rest.features().begin(), rest.features().end());
  EXPECT_EQ(all.size(), 100u);
}

TEST_F(DataTest, SyntheticDataFollowsTheSeed) {
  EXPECT_EQ(make_synthetic("shapes", 20, 1).features(),
            make_synthetic("shapes", 20, 1).features());
  EXPECT_NE(make_synthetic("shapes", 20, 1).features(),
            make_synthetic("shapes", 20, 2).features());
  expect_contains(error_of([] { make_synthetic("cats", 20, 1); }), "cats");
}

}  // namespace
}  // namespace paddle::testing
