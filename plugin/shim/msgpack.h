// Messages to and from the engine worker: one MessagePack map with string keys a message.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lumaflux {

struct MessageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Value;
using ValueMap = std::map<std::string, Value>;

struct Value {
  std::variant<std::monostate, bool, int64_t, double, std::string, std::vector<Value>, ValueMap> data;

  Value() = default;
  Value(bool value) : data(value) {}
  Value(int value) : data(static_cast<int64_t>(value)) {}
  Value(int64_t value) : data(value) {}
  Value(double value) : data(value) {}
  Value(std::string value) : data(std::move(value)) {}
  Value(const char* value) : data(std::string(value)) {}
  Value(ValueMap value) : data(std::move(value)) {}
  Value(std::vector<Value> value) : data(std::move(value)) {}
};

// The message's bytes.
std::string pack(const ValueMap& message);

// The map in `bytes`, all of which must be used. Binary reads as a string. Throws MessageError.
ValueMap unpack(std::string_view bytes);

// A member by type, or `fallback` when it is missing or of another type.
std::string text_or(const ValueMap& message, const std::string& name, const std::string& fallback);
double real_or(const ValueMap& message, const std::string& name, double fallback);
bool boolean_or(const ValueMap& message, const std::string& name, bool fallback);
int64_t integer_or(const ValueMap& message, const std::string& name, int64_t fallback);

}  // namespace lumaflux
