// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/data.h"
#include "cli/handles.h"

namespace cli {
namespace {

constexpr char kUsage[] =
    "usage: paddle train --data DATA [OPTION ...]\n"
    "\n"
    "Trains a classifier, prints how it fares after each epoch, and saves it.\n"
    "\n"
    "data:\n"
    "  --data FILE.csv             numbers, the last column being the class 0, 1, 2 "
    "...\n"
    "  --data IMAGES.idx LABELS.idx\n"
    "                              images and their classes in IDX files\n"
    "  --data synthetic            made up: spirals for the mlp, pictures for the "
    "convnet\n"
    "  --samples N                 how many samples to make up (2000)\n"
    "  --validation FRACTION       keep that part of the data for checking (0.2)\n"
    "\n"
    "model:\n"
    "  --model mlp|convnet         a model that comes with the program (mlp)\n"
    "  --layers 'LAYER; ...'       one of your own, such as\n"
    "                              'conv 8 3 1 1; relu; maxpool 2; dense 10'\n"
    "  --save FILE                 write the trained model there\n"
    "\n"
    "training:\n"
    "  --optimizer sgd|adam        (adam)\n"
    "  --learning-rate RATE        (0.05 for sgd, 0.005 for adam)\n"
    "  --momentum M                of sgd (0.9)\n"
    "  --weight-decay D            (0)\n"
    "  --epochs N                  (20)\n"
    "  --batch N                   samples per step (32)\n"
    "  --seed N                    of weights, order and made-up data (1)\n";

const std::vector<OptionSpec> kOptions = {
    {"--help", 0, 0},       {"--data", 1, 2},         {"--samples", 1, 1},
    {"--validation", 1, 1}, {"--model", 1, 1},        {"--layers", 1, 1},
    {"--save", 1, 1},       {"--optimizer", 1, 1},    {"--learning-rate", 1, 1},
    {"--momentum", 1, 1},   {"--weight-decay", 1, 1}, {"--epochs", 1, 1},
    {"--batch", 1, 1},      {"--seed", 1, 1},
};

Model make_model(const Arguments& arguments, const std::string& preset,
                 const Dataset& data) {
  const std::uint64_t seed = arguments.integer("--seed", 0, UINT64_MAX, 1);
  if (!arguments.has("--layers"))
    return Model(checked(paddle_model_preset(preset.c_str(), data.get(), seed)));
  if (arguments.has("--model")) throw Failure("give --model or --layers, not both");
  return Model(checked(paddle_model_new(arguments.text("--layers", "").c_str(),
                                        paddle_dataset_shape(data.get()),
                                        paddle_dataset_rank(data.get()), seed)));
}

Optimizer make_optimizer(const Arguments& arguments) {
  const std::string kind = arguments.text("--optimizer", "adam");
  const double rate =
      arguments.number("--learning-rate", 1e-9, 1e3, kind == "sgd" ? 0.05 : 0.005);
  const double momentum = arguments.number("--momentum", 0.0, 0.9999, 0.9);
  const double decay = arguments.number("--weight-decay", 0.0, 1.0, 0.0);
  return Optimizer(checked(paddle_optimizer_new(kind.c_str(), static_cast<float>(rate),
                                                static_cast<float>(momentum),
                                                static_cast<float>(decay))));
}

/// What the report after an epoch needs.
struct Progress {
  paddle_model* model;
  const paddle_dataset* validation;
  bool failed = false;
};

int report_epoch(int epoch, double loss, double accuracy, void* user) {
  auto& progress = *static_cast<Progress*>(user);
  double validation = 0.0;
  if (paddle_evaluate(progress.model, progress.validation, nullptr, &validation) != 0) {
    progress.failed = true;
    return 1;
  }
  std::printf("epoch %3d  loss %.4f  accuracy %.4f  validation accuracy %.4f\n", epoch,
              loss, accuracy, validation);
  std::fflush(stdout);
  return 0;
}

}  // namespace

int train(const std::vector<std::string>& words) {
  const Arguments arguments(words, kOptions);
  if (arguments.has("--help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  const std::string preset = arguments.text("--model", "mlp");
  const std::uint64_t seed = arguments.integer("--seed", 0, UINT64_MAX, 1);
  const Dataset data =
      load_data(arguments, preset == "convnet" ? "shapes" : "spirals", /*features=*/0);

  paddle_dataset* parts[2] = {};
  const double fraction = arguments.number("--validation", 0.01, 0.9, 0.2);
  checked(paddle_dataset_split(data.get(), fraction, seed, &parts[0], &parts[1]));
  const Dataset validation(parts[0]);
  const Dataset training(parts[1]);

  const Model model = make_model(arguments, preset, data);
  const Optimizer optimizer = make_optimizer(arguments);
  const char* family = checked(paddle_kernel_family());
  std::printf("model: %s (%zu parameters)\n", paddle_model_layers(model.get()),
              paddle_model_parameters(model.get()));
  std::printf("data: %zu samples to train, %zu to validate\n",
              paddle_dataset_size(training.get()),
              paddle_dataset_size(validation.get()));
  std::printf("kernels: %s on %zu thread(s)\n", family, paddle_threads());

  paddle_train_options options{};
  options.epochs = static_cast<int>(arguments.integer("--epochs", 1, 100000, 20));
  options.batch_size = arguments.integer("--batch", 1, 100000, 32);
  options.seed = seed;
  Progress progress{model.get(), validation.get()};
  checked(paddle_train(model.get(), optimizer.get(), training.get(), &options,
                       report_epoch, &progress));
  if (progress.failed) throw Failure(paddle_last_error());

  if (arguments.has("--save")) {
    const std::string path = arguments.text("--save", "");
    checked(paddle_model_save(model.get(), path.c_str()));
    std::printf("saved to %s\n", path.c_str());
  }
  return 0;
}

}  // namespace cli
