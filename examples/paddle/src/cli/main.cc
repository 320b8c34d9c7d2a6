// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/handles.h"

namespace {

constexpr char kUsage[] =
    "usage: paddle COMMAND [OPTION ...]\n"
    "\n"
    "  train     train a model on data and save it\n"
    "  predict   put the samples of a file into classes\n"
    "  check     test this build on this machine\n"
    "  version   print the version and the options of this build\n"
    "\n"
    "'paddle COMMAND --help' tells more about a command.\n"
    "\n"
    "environment:\n"
    "  PADDLE_KERNELS       compute with these kernels: generic, avx2 or cuda\n"
    "  PADDLE_NUM_THREADS   compute on that many threads (default: one per CPU)\n";

struct Command {
  const char* name;
  int (*run)(const std::vector<std::string>& words);
};

constexpr Command kCommands[] = {
    {"train", cli::train},
    {"predict", cli::predict},
    {"check", cli::check},
    {"version", cli::version},
};

int run(const std::vector<std::string>& words) {
  if (words.empty()) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  const std::string& name = words.front();
  if (name == "--help" || name == "-h" || name == "help") {
    std::fputs(kUsage, stdout);
    return 0;
  }
  for (const Command& command : kCommands)
    if (name == command.name || (name == "--version" && command.run == cli::version))
      return command.run({words.begin() + 1, words.end()});
  throw cli::Failure("there is no command '" + name + "'; try 'paddle --help'");
}

}  // namespace

namespace cli {

int check(const std::vector<std::string>& words) {
  if (Arguments(words, {{"--help", 0, 0}}).has("--help")) {
    std::puts(
        "usage: paddle check\n"
        "\n"
        "Prints what this build has and what this machine can run, and compares the\n"
        "families of kernels on random data. Exit code 0 when all is well, else 1.");
    return 0;
  }
  const auto print = [](const char* line, void*) { std::puts(line); };
  return paddle_self_check(print, nullptr) == 0 ? 0
                                                : throw Failure(paddle_last_error());
}

int version(const std::vector<std::string>& words) {
  if (Arguments(words, {{"--help", 0, 0}}).has("--help")) {
    std::puts(
        "usage: paddle version\n\nPrints the version and the options of this build.");
    return 0;
  }
  std::printf("paddle %s (%s)\n", paddle_version(), paddle_build_options());
  return 0;
}

}  // namespace cli

int main(int argc, char** argv) {
  // First of all, while nothing but portable code has run.
  if (const char* problem = paddle_cpu_problem()) {
    std::fprintf(stderr, "%s\n", problem);
    return 1;
  }
  try {
    const int status = run({argv + 1, argv + argc});
    if (std::fflush(stdout) != 0) throw cli::Failure("cannot write the output");
    return status;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "paddle: %s\n", error.what());
    return 1;
  }
}
