#include "properties.h"

#include "host.h"

namespace lumaflux {

bool set_string(OfxPropertySetHandle set, const char* name, const std::string& value, int index) {
  return set != nullptr && host().property->propSetString(set, name, index, value.c_str()) == kOfxStatOK;
}

bool set_int(OfxPropertySetHandle set, const char* name, int value, int index) {
  return set != nullptr && host().property->propSetInt(set, name, index, value) == kOfxStatOK;
}

bool set_double(OfxPropertySetHandle set, const char* name, double value, int index) {
  return set != nullptr && host().property->propSetDouble(set, name, index, value) == kOfxStatOK;
}

bool set_pointer(OfxPropertySetHandle set, const char* name, void* value) {
  return set != nullptr && host().property->propSetPointer(set, name, 0, value) == kOfxStatOK;
}

std::optional<int> get_int(OfxPropertySetHandle set, const char* name, int index) {
  int value = 0;
  if (set == nullptr || host().property->propGetInt(set, name, index, &value) != kOfxStatOK) return std::nullopt;
  return value;
}

std::optional<double> get_double(OfxPropertySetHandle set, const char* name, int index) {
  double value = 0.0;
  if (set == nullptr || host().property->propGetDouble(set, name, index, &value) != kOfxStatOK) return std::nullopt;
  return value;
}

void* get_pointer(OfxPropertySetHandle set, const char* name) {
  void* value = nullptr;
  if (set == nullptr || host().property->propGetPointer(set, name, 0, &value) != kOfxStatOK) return nullptr;
  return value;
}

std::string get_string(OfxPropertySetHandle set, const char* name, int index) {
  char* value = nullptr;
  if (set == nullptr || host().property->propGetString(set, name, index, &value) != kOfxStatOK) return {};
  return value != nullptr ? value : "";
}

std::optional<OfxRectI> get_rectangle(OfxPropertySetHandle set, const char* name) {
  const auto x1 = get_int(set, name, 0), y1 = get_int(set, name, 1);
  const auto x2 = get_int(set, name, 2), y2 = get_int(set, name, 3);
  if (!x1 || !y1 || !x2 || !y2) return std::nullopt;
  return OfxRectI{*x1, *y1, *x2, *y2};
}

std::vector<std::string> get_strings(OfxPropertySetHandle set, const char* name) {
  constexpr int limit = 64;  // a host that never refuses an index must not hold us
  std::vector<std::string> out;
  for (int index = 0; index < limit; ++index) {
    char* value = nullptr;
    if (set == nullptr || host().property->propGetString(set, name, index, &value) != kOfxStatOK) break;
    if (value == nullptr) break;
    out.emplace_back(value);
  }
  return out;
}

}  // namespace lumaflux
