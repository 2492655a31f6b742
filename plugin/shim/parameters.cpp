// Parameters towards a host: definition and values.
#include "parameters.h"

#include <algorithm>
#include <cmath>

#include "host.h"
#include "properties.h"

namespace lumaflux {
namespace {

const char* openfx_type(ParameterType type) {
  switch (type) {
    case ParameterType::real:
      return kOfxParamTypeDouble;
    case ParameterType::integer:
      return kOfxParamTypeInteger;
    case ParameterType::choice:
      return kOfxParamTypeChoice;
    case ParameterType::boolean:
      return kOfxParamTypeBoolean;
    case ParameterType::file:
    case ParameterType::text:
    case ParameterType::label:
      return kOfxParamTypeString;
    case ParameterType::button:
      return kOfxParamTypePushButton;
  }
  return kOfxParamTypeDouble;
}

OfxPropertySetHandle define(OfxParamSetHandle set, const char* type, const std::string& name,
                            const std::string& label) {
  OfxPropertySetHandle properties = nullptr;
  if (host().parameter->paramDefine(set, type, name.c_str(), &properties) != kOfxStatOK) return nullptr;
  for (const char* property : {kOfxPropLabel, kOfxPropShortLabel, kOfxPropLongLabel}) {
    set_string(properties, property, label);
  }
  set_string(properties, kOfxParamPropScriptName, name);
  return properties;
}

// Ranges of Int and Double are always given, the displayed too: Resolve needs all four.
void define_range(const Parameter& parameter, OfxPropertySetHandle properties) {
  const std::pair<const char*, double> bounds[] = {{kOfxParamPropMin, parameter.low},
                                                   {kOfxParamPropMax, parameter.high},
                                                   {kOfxParamPropDisplayMin, parameter.display_low},
                                                   {kOfxParamPropDisplayMax, parameter.display_high}};
  for (const auto& [name, value] : bounds) {
    if (parameter.type == ParameterType::integer) {
      set_int(properties, name, static_cast<int>(value));
    } else {
      set_double(properties, name, value);
    }
  }
}

void define_parameter(const Parameter& parameter, const Parameters& parameters, OfxParamSetHandle set) {
  const OfxPropertySetHandle properties = define(set, openfx_type(parameter.type), parameter.name, parameter.label);
  if (properties == nullptr) return;
  set_string(properties, kOfxParamPropHint, parameter.hint);
  const auto named = [&](const ParameterGroup& group) { return group.name == parameter.group; };
  if (std::any_of(parameters.groups.begin(), parameters.groups.end(), named)) {
    set_string(properties, kOfxParamPropParent, parameter.group);
  }
  if (parameter.secret) set_int(properties, kOfxParamPropSecret, 1);
  if (parameter.type == ParameterType::button) return;
  if (parameter.passing) {
    set_int(properties, kOfxParamPropPersistant, 0);
    set_int(properties, kOfxParamPropCanUndo, 0);
  }
  if (parameter.type == ParameterType::text || parameter.type == ParameterType::label) {
    const bool shown = parameter.type == ParameterType::label;
    set_string(properties, kOfxParamPropStringMode, shown ? kOfxParamStringIsLabel : kOfxParamStringIsSingleLine);
    set_int(properties, kOfxParamPropAnimates, 0);
    if (shown) set_int(properties, kOfxParamPropEvaluateOnChange, 0);
    set_string(properties, kOfxParamPropDefault, "");
    return;
  }
  if (parameter.type == ParameterType::file) {
    set_string(properties, kOfxParamPropStringMode, kOfxParamStringIsFilePath);
    set_int(properties, kOfxParamPropStringFilePathExists, 1);
    set_int(properties, kOfxParamPropAnimates, 0);
    set_string(properties, kOfxParamPropDefault, "");
    return;
  }
  set_int(properties, kOfxParamPropAnimates, parameter.animates && !parameter.secret ? 1 : 0);
  if (!parameter.sets.empty()) set_int(properties, kOfxParamPropEvaluateOnChange, 0);
  for (size_t i = 0; i < parameter.choices.size(); ++i) {
    set_string(properties, kOfxParamPropChoiceOption, parameter.choices[i], static_cast<int>(i));
  }
  if (parameter.type == ParameterType::real) {
    set_string(properties, kOfxParamPropDoubleType, kOfxParamDoubleTypePlain);
    define_range(parameter, properties);
    set_double(properties, kOfxParamPropDefault, parameter.initial);
  } else {
    if (parameter.type == ParameterType::integer) define_range(parameter, properties);
    set_int(properties, kOfxParamPropDefault, static_cast<int>(parameter.initial));
  }
}

// Reads a value through whichever of the two calls the host has.
template <typename T>
T read(OfxParamSetHandle set, const std::string& name, OfxTime time, T fallback) {
  OfxParamHandle handle = nullptr;
  const auto& suite = *host().parameter;
  if (set == nullptr || suite.paramGetHandle(set, name.c_str(), &handle, nullptr) != kOfxStatOK) return fallback;
  if (handle == nullptr) return fallback;
  T value = fallback;
  const OfxStatus status = suite.paramGetValueAtTime != nullptr ? suite.paramGetValueAtTime(handle, time, &value)
                                                                : suite.paramGetValue(handle, &value);
  return status == kOfxStatOK ? value : fallback;
}

OfxParamHandle handle_of(OfxParamSetHandle set, const std::string& name) {
  OfxParamHandle handle = nullptr;
  if (set == nullptr || host().parameter->paramGetHandle(set, name.c_str(), &handle, nullptr) != kOfxStatOK)
    return nullptr;
  return handle;
}

Value value_of(const Parameter& parameter, OfxParamSetHandle set, OfxTime time) {
  if (parameter.type == ParameterType::file) return text_parameter(set, parameter.name, time);
  if (parameter.type == ParameterType::real) {
    const double value = read(set, parameter.name, time, parameter.initial);
    // A keyframe curve may overshoot its range, an expression may be no number.
    return std::isfinite(value) ? std::clamp(value, parameter.low, parameter.high) : parameter.initial;
  }
  const int value = read(set, parameter.name, time, static_cast<int>(parameter.initial));
  if (parameter.type == ParameterType::boolean) return value != 0;
  if (parameter.type == ParameterType::integer) {
    return static_cast<int64_t>(std::clamp<double>(value, parameter.low, parameter.high));
  }
  const int last = static_cast<int>(parameter.values.size()) - 1;
  return parameter.values[static_cast<size_t>(std::clamp(value, 0, last))];
}

bool is_own(const Parameter& parameter) {
  return parameter.secret || parameter.own || parameter.type == ParameterType::button ||
         parameter.type == ParameterType::text || parameter.type == ParameterType::label;
}

}  // namespace

void define_parameters(const Parameters& parameters, OfxParamSetHandle set) {
  for (const ParameterGroup& group : parameters.groups) define(set, kOfxParamTypeGroup, group.name, group.label);
  for (const Parameter& parameter : parameters.parameters) define_parameter(parameter, parameters, set);

  const OfxPropertySetHandle page = define(set, kOfxParamTypePage, "controls", "Controls");
  int child = 0;
  for (const Parameter& parameter : parameters.parameters) {
    set_string(page, kOfxParamPropPageChild, parameter.name, child++);
  }
}

ValueMap parameter_values(const Parameters& parameters, OfxParamSetHandle set, OfxTime time) {
  ValueMap out;
  for (const Parameter& parameter : parameters.parameters) {
    if (!is_own(parameter)) out[parameter.name] = value_of(parameter, set, time);
  }
  return out;
}

int integer_parameter(const Parameter& parameter, OfxParamSetHandle set, OfxTime time) {
  const int value = read(set, parameter.name, time, static_cast<int>(parameter.initial));
  if (parameter.type != ParameterType::choice) return value;
  return std::clamp(value, 0, static_cast<int>(parameter.values.size()) - 1);
}

std::string text_parameter(OfxParamSetHandle set, const std::string& name, OfxTime time) {
  char* text = nullptr;  // a host's own, or NULL
  text = read<char*>(set, name, time, text);
  return text != nullptr ? text : "";
}

bool set_text_parameter(OfxParamSetHandle set, const std::string& name, const std::string& value) {
  const OfxParamHandle handle = handle_of(set, name);
  const auto put = host().parameter->paramSetValue;
  return handle != nullptr && put != nullptr && put(handle, value.c_str()) == kOfxStatOK;
}

bool set_integer_parameter(OfxParamSetHandle set, const std::string& name, int value) {
  const OfxParamHandle handle = handle_of(set, name);
  const auto put = host().parameter->paramSetValue;
  return handle != nullptr && put != nullptr && put(handle, value) == kOfxStatOK;
}

void set_choice(const Parameter& parameter, OfxParamSetHandle set, const std::string& value) {
  const auto found = std::find(parameter.values.begin(), parameter.values.end(), value);
  if (found == parameter.values.end()) return;
  set_integer_parameter(set, parameter.name, static_cast<int>(found - parameter.values.begin()));
}

bool boolean_parameter(const Parameters& parameters, OfxParamSetHandle set, const std::string& name, OfxTime time) {
  for (const Parameter& parameter : parameters.parameters) {
    if (parameter.name != name || parameter.type != ParameterType::boolean) continue;
    return read(set, name, time, static_cast<int>(parameter.initial)) != 0;
  }
  return false;
}

}  // namespace lumaflux
