// Writing JSON: the answers of the host.
#pragma once

#include <string>
#include <vector>

std::string json_quoted(const std::string& text);
std::string json_number(double value);  // null for what is no number
std::string json_list(const std::vector<std::string>& members);

// An object, member by member; `raw` takes JSON text.
class JsonObject {
 public:
  JsonObject& raw(const std::string& name, const std::string& json);
  JsonObject& add(const std::string& name, const std::string& text) { return raw(name, json_quoted(text)); }
  JsonObject& add(const std::string& name, const char* text) { return raw(name, json_quoted(text)); }
  JsonObject& add(const std::string& name, double value) { return raw(name, json_number(value)); }
  JsonObject& add(const std::string& name, int value) { return raw(name, std::to_string(value)); }
  JsonObject& add(const std::string& name, bool value) { return raw(name, value ? "true" : "false"); }
  std::string text() const { return "{" + members_ + "}"; }

 private:
  std::string members_;
};
