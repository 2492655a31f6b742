// A reader of JSON (RFC 8259) for the resources of the bundle: small documents, read once.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lumaflux {

struct JsonError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Json {
 public:
  enum class Kind { null, boolean, number, string, array, object };

  Kind kind = Kind::null;
  bool boolean = false;
  double number = 0.0;
  std::string string;
  std::vector<Json> array;
  std::map<std::string, Json> object;

  // Throws JsonError with the byte offset where the text stops being JSON.
  static Json parse(std::string_view text);

  // The member of an object; null when it is missing or this is no object.
  const Json& operator[](const std::string& name) const;

  // The value, or `fallback` when the kind is another.
  double number_or(double fallback) const { return kind == Kind::number ? number : fallback; }
  bool boolean_or(bool fallback) const { return kind == Kind::boolean ? boolean : fallback; }
  std::string string_or(const std::string& fallback) const { return kind == Kind::string ? string : fallback; }
};

}  // namespace lumaflux
