// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/data.h"
#include "cli/handles.h"

namespace cli {
namespace {

constexpr char kUsage[] =
    "usage: paddle predict --load FILE --data DATA [OPTION ...]\n"
    "\n"
    "Prints the class of each sample, one per line. When the data has classes, the "
    "last\n"
    "line, on standard error, says how many of them were met.\n"
    "\n"
    "  --load FILE                 a model that 'paddle train --save' wrote\n"
    "  --data FILE.csv             the columns of the training data, the class "
    "optional\n"
    "  --data IMAGES.idx [LABELS.idx]\n"
    "  --data synthetic            made up, as in 'paddle train'\n"
    "  --samples N                 how many samples to make up (2000)\n"
    "  --seed N                    of the made-up data (1)\n"
    "  --probabilities             print the probability of each class as well\n";

const std::vector<OptionSpec> kOptions = {
    {"--help", 0, 0},    {"--load", 1, 1}, {"--data", 1, 2},
    {"--samples", 1, 1}, {"--seed", 1, 1}, {"--probabilities", 0, 0},
};

}  // namespace

int predict(const std::vector<std::string>& words) {
  const Arguments arguments(words, kOptions);
  if (arguments.has("--help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  const Model model(
      checked(paddle_model_load(arguments.values("--load").front().c_str())));
  const std::size_t rank = paddle_model_rank(model.get());
  const std::size_t features =
      rank == 1 ? static_cast<std::size_t>(paddle_model_shape(model.get())[0]) : 0;
  const Dataset data = load_data(arguments, rank == 3 ? "shapes" : "spirals", features);

  const Tensor probabilities(checked(paddle_predict(model.get(), data.get())));
  const auto classes =
      static_cast<std::size_t>(paddle_tensor_shape(probabilities.get())[1]);
  const float* row = checked(paddle_tensor_data(probabilities.get()));
  const std::int32_t* labels = paddle_dataset_labels(data.get());
  const std::size_t samples = paddle_dataset_size(data.get());
  std::size_t correct = 0;
  for (std::size_t i = 0; i < samples; ++i, row += classes) {
    const std::ptrdiff_t best = std::max_element(row, row + classes) - row;
    std::printf("%td", best);
    if (arguments.has("--probabilities"))
      for (std::size_t c = 0; c < classes; ++c)
        std::printf(" %.4f", static_cast<double>(row[c]));
    std::printf("\n");
    if (labels != nullptr && labels[i] == best) ++correct;
  }
  if (labels != nullptr)
    std::fprintf(stderr, "%zu of %zu right, accuracy %.4f\n", correct, samples,
                 static_cast<double>(correct) / static_cast<double>(samples));
  return 0;
}

}  // namespace cli
