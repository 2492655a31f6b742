// The effect's parameters as the bundle's parameters.json describes them; none is written in C++.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "../openfx/openfx.h"
#include "msgpack.h"

namespace lumaflux {

enum class ParameterType { real, integer, choice, boolean, file, button, text, label };

struct Parameter {
  std::string name, label, hint, group;
  ParameterType type = ParameterType::real;
  bool secret = false;   // kept with the project, not shown
  bool own = false;      // of the effect alone: the engine never hears of it
  bool passing = false;  // says what is so now: not kept with a project, and no step of its undo
  bool animates = true;
  double initial = 0.0;  // of a choice the index, of a boolean 0 or 1
  double low = 0.0, high = 1.0, display_low = 0.0, display_high = 1.0;
  std::vector<std::string> choices;                                // labels
  std::vector<std::string> values;                                 // what the engine is told, one a label
  std::map<std::string, std::string> colourspaces;                 // of a colour space: OpenFX 1.5 name to value
  std::map<std::string, std::map<std::string, std::string>> sets;  // of a preset: by value, what other choices become
};

struct ParameterGroup {
  std::string name, label;
};

struct Parameters {
  std::vector<ParameterGroup> groups;
  std::vector<Parameter> parameters;

  // Throws BundleError when there is none of that name.
  const Parameter& named(const std::string& name) const;
};

// The description in `text` (parameters.json, version 1). Throws BundleError.
Parameters read_parameters(const std::string& text);

// The bundle's parameters, read once. Throws BundleError.
const Parameters& bundle_parameters();

// Defines every parameter, group and the one page in a descriptor.
void define_parameters(const Parameters& parameters, OfxParamSetHandle set);

// The values of an instance at a time, by name as the engine takes them, without what is the effect's own; a value that
// the host cannot give is the default.
ValueMap parameter_values(const Parameters& parameters, OfxParamSetHandle set, OfxTime time);

// The value of an integer or the index of a choice; its default where the host does not give it.
int integer_parameter(const Parameter& parameter, OfxParamSetHandle set, OfxTime time);

// The text of a file, text or label parameter; "" when there is none.
std::string text_parameter(OfxParamSetHandle set, const std::string& name, OfxTime time);

// Whether the host took the value.
bool set_text_parameter(OfxParamSetHandle set, const std::string& name, const std::string& value);
bool set_integer_parameter(OfxParamSetHandle set, const std::string& name, int value);

// Makes a choice what the engine calls `value`; nothing where it has no such value.
void set_choice(const Parameter& parameter, OfxParamSetHandle set, const std::string& value);

// The value of a boolean parameter; false when there is none of that name.
bool boolean_parameter(const Parameters& parameters, OfxParamSetHandle set, const std::string& name, OfxTime time);

}  // namespace lumaflux
