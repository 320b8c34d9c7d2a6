// SPDX-License-Identifier: Apache-2.0
#include "cli/arguments.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "cli/handles.h"

namespace cli {
namespace {

bool is_option(const std::string& word) { return word.rfind("--", 0) == 0; }

template <class Number>
Number parse(const std::string& name, const std::string& text, Number least,
             Number most) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !(value >= least && value <= most)) {
    std::ostringstream message;
    message << name << " is '" << text << "', not a number from " << least << " to "
            << most;
    throw Failure(message.str());
  }
  return value;
}

}  // namespace

Arguments::Arguments(const std::vector<std::string>& words,
                     const std::vector<OptionSpec>& known) {
  for (std::size_t i = 0; i < words.size();) {
    std::string name = words[i++];
    if (!is_option(name)) throw Failure("unexpected argument '" + name + "'");
    std::vector<std::string> values;
    if (const std::size_t equals = name.find('='); equals != std::string::npos) {
      values.push_back(name.substr(equals + 1));
      name.erase(equals);
    }
    const auto spec =
        std::find_if(known.begin(), known.end(),
                     [&](const OptionSpec& option) { return name == option.name; });
    if (spec == known.end()) throw Failure("unknown option '" + name + "'");
    while (values.size() < spec->most && i < words.size() && !is_option(words[i]))
      values.push_back(words[i++]);
    if (values.size() < spec->least || values.size() > spec->most)
      throw Failure("option '" + name + "' needs " +
                    (spec->most == 0 ? "no value" : "a value"));
    if (!values_.emplace(name, std::move(values)).second)
      throw Failure("option '" + name + "' is given twice");
  }
}

const std::vector<std::string>& Arguments::values(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw Failure("option '" + name + "' is missing");
  return found->second;
}

std::string Arguments::text(const std::string& name,
                            const std::string& otherwise) const {
  return has(name) ? values(name).front() : otherwise;
}

std::uint64_t Arguments::integer(const std::string& name, std::uint64_t least,
                                 std::uint64_t most, std::uint64_t otherwise) const {
  return has(name) ? parse(name, values(name).front(), least, most) : otherwise;
}

double Arguments::number(const std::string& name, double least, double most,
                         double otherwise) const {
  return has(name) ? parse(name, values(name).front(), least, most) : otherwise;
}

}  // namespace cli
