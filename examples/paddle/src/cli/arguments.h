// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cli {

/// An option that a command knows: "--epochs" and how many values it may have.
struct OptionSpec {
  const char* name;
  std::size_t least;
  std::size_t most;
};

/// The options of a command line: "--name value …" or "--name=value".
class Arguments {
 public:
  /// Throws a Failure that names the argument at fault.
  Arguments(const std::vector<std::string>& words,
            const std::vector<OptionSpec>& known);

  bool has(const std::string& name) const { return values_.count(name) != 0; }
  /// The values of an option that must be there.
  const std::vector<std::string>& values(const std::string& name) const;

  std::string text(const std::string& name, const std::string& otherwise) const;
  std::uint64_t integer(const std::string& name, std::uint64_t least,
                        std::uint64_t most, std::uint64_t otherwise) const;
  double number(const std::string& name, double least, double most,
                double otherwise) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

}  // namespace cli
