#include "json_text.h"

#include <cmath>
#include <cstdio>

std::string json_quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string json_number(double value) {
  if (!std::isfinite(value)) return "null";
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

std::string json_list(const std::vector<std::string>& members) {
  std::string out;
  for (const auto& member : members) out += (out.empty() ? "" : ",") + member;
  return "[" + out + "]";
}

JsonObject& JsonObject::raw(const std::string& name, const std::string& json) {
  if (!members_.empty()) members_ += ",";
  members_ += json_quoted(name) + ":" + json;
  return *this;
}
