// SPDX-License-Identifier: Apache-2.0
#include "cli/data.h"

namespace cli {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() &&
         text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

Dataset load_data(const Arguments& arguments, const char* kind, std::size_t features) {
  const std::vector<std::string>& paths = arguments.values("--data");
  if (paths.front() == "synthetic" && paths.size() == 1) {
    const std::uint64_t samples = arguments.integer("--samples", 10, 1000000, 2000);
    const std::uint64_t seed = arguments.integer("--seed", 0, UINT64_MAX, 1);
    return Dataset(checked(paddle_dataset_synthetic(kind, samples, seed)));
  }
  if (ends_with(paths.front(), ".csv")) {
    if (paths.size() != 1) throw Failure("--data takes one CSV file");
    return Dataset(checked(paddle_dataset_read_csv(paths.front().c_str(), features)));
  }
  const char* labels = paths.size() == 2 ? paths.back().c_str() : nullptr;
  return Dataset(checked(paddle_dataset_read_idx(paths.front().c_str(), labels)));
}

}  // namespace cli
