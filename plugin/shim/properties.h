// Reading and writing properties of a host, where any call may fail and any string may be NULL.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "../openfx/openfx.h"

namespace lumaflux {

// Setters return whether the host took the value; hosts do not know every property.
bool set_string(OfxPropertySetHandle set, const char* name, const std::string& value, int index = 0);
bool set_int(OfxPropertySetHandle set, const char* name, int value, int index = 0);
bool set_double(OfxPropertySetHandle set, const char* name, double value, int index = 0);
bool set_pointer(OfxPropertySetHandle set, const char* name, void* value);

std::optional<int> get_int(OfxPropertySetHandle set, const char* name, int index = 0);
std::optional<double> get_double(OfxPropertySetHandle set, const char* name, int index = 0);
void* get_pointer(OfxPropertySetHandle set, const char* name);
std::string get_string(OfxPropertySetHandle set, const char* name, int index = 0);
std::optional<OfxRectI> get_rectangle(OfxPropertySetHandle set, const char* name);

// Every string of a property, up to the first index that the host refuses.
std::vector<std::string> get_strings(OfxPropertySetHandle set, const char* name);

}  // namespace lumaflux
