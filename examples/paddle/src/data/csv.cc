// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>
#include <fstream>
#include <string_view>

#include "core/error.h"
#include "data/dataset.h"

namespace paddle {
namespace {

/// Where in a file the reader is; starts every error message.
struct Place {
  const std::string& path;
  std::size_t line = 0;

  template <class... Parts>
  [[noreturn]] void error(const Parts&... parts) const {
    fail(path, ':', line, ": ", parts...);
  }
};

std::string_view trimmed(std::string_view text) {
  const char* blanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t comma = line.find(',');
    fields.push_back(trimmed(line.substr(0, comma)));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

/// Independent of the locale, unlike strtof.
template <class Number>
bool parse_number(std::string_view text, Number* value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *value);
  return error == std::errc() && stop == end && !text.empty();
}

bool looks_like_names(const std::vector<std::string_view>& fields) {
  for (const std::string_view field : fields) {
    float value = 0.0f;
    if (parse_number(field, &value)) return false;
  }
  return true;
}

}  // namespace

Dataset read_csv(const std::string& path, std::size_t features) {
  std::ifstream file(path);
  if (!file) fail(path, ": cannot read the file");

  std::vector<float> values;
  std::vector<std::int32_t> labels;
  std::size_t columns = 0;  // of the first line of numbers
  bool has_labels = true;
  Place place{path};
  for (std::string line; std::getline(file, line);) {
    ++place.line;
    if (trimmed(line).empty()) continue;
    const std::vector<std::string_view> fields = fields_of(line);
    if (place.line == 1 && looks_like_names(fields)) continue;

    if (columns == 0) {
      columns = fields.size();
      if (features == 0) {
        if (columns < 2)
          place.error("a line needs features and a class, not one column");
        features = columns - 1;
      } else if (columns != features && columns != features + 1) {
        place.error(columns, " columns, but the model takes ", features,
                    " features (and a class may follow)");
      }
      has_labels = columns == features + 1;
    }
    if (fields.size() != columns)
      place.error(fields.size(), " columns, but the lines before have ", columns);

    for (std::size_t i = 0; i < features; ++i) {
      float value = 0.0f;
      if (!parse_number(fields[i], &value) || !std::isfinite(value))
        place.error("column ", i + 1, ": '", fields[i], "' is not a number");
      values.push_back(value);
    }
    if (has_labels) {
      std::int32_t label = 0;
      if (!parse_number(fields.back(), &label) || label < 0 || label > 65535)
        place.error("column ", columns, ": '", fields.back(),
                    "' is not a class (a whole number from 0 to 65535)");
      labels.push_back(label);
    }
  }
  if (file.bad()) fail(path, ": reading stopped after line ", place.line);
  if (values.empty()) fail(path, ": no data in the file");
  return Dataset({static_cast<std::int64_t>(features)}, std::move(values),
                 std::move(labels));
}

}  // namespace paddle
