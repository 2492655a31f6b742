// parameters.json into Parameters.
#include <algorithm>
#include <set>

#include "bundle.h"
#include "json.h"
#include "parameters.h"

namespace lumaflux {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw BundleError("the bundle's Resources/parameters.json " + what + ": run \"lumaflux plugin install\" again");
}

ParameterType type_of(const Json& json, const std::string& name) {
  const std::string& type = json["type"].string;
  if (type == "double") return ParameterType::real;
  if (type == "int") return ParameterType::integer;
  if (type == "choice") return ParameterType::choice;
  if (type == "boolean") return ParameterType::boolean;
  if (type == "file") return ParameterType::file;
  if (type == "button") return ParameterType::button;
  if (type == "text") return ParameterType::text;
  if (type == "label") return ParameterType::label;
  fail("gives \"" + name + "\" the unknown type \"" + type + "\"");
}

std::vector<std::string> strings(const Json& json) {
  std::vector<std::string> out;
  for (const Json& member : json.array) out.push_back(member.string);
  return out;
}

void read_choices(Parameter& parameter, const Json& json) {
  parameter.choices = strings(json["choices"]);
  parameter.values = strings(json["values"]);
  if (parameter.choices.empty() || parameter.choices.size() != parameter.values.size()) {
    fail("does not give \"" + parameter.name + "\" one value a choice");
  }
  for (const auto& [name, value] : json["colourspaces"].object) parameter.colourspaces[name] = value.string;
  for (const auto& [value, wanted] : json["sets"].object) {
    for (const auto& [name, member] : wanted.object) parameter.sets[value][name] = member.string;
  }
  const Json& initial = json["default"];
  if (initial.kind == Json::Kind::string) {
    const auto found = std::find(parameter.values.begin(), parameter.values.end(), initial.string);
    if (found == parameter.values.end()) fail("gives \"" + parameter.name + "\" a default that is no value of it");
    parameter.initial = static_cast<double>(found - parameter.values.begin());
  } else {
    parameter.initial = initial.number_or(0.0);
  }
  if (!(parameter.initial >= 0.0 && parameter.initial < static_cast<double>(parameter.choices.size()))) {
    fail("gives \"" + parameter.name + "\" a default that is no choice of it");
  }
}

void read_range(Parameter& parameter, const Json& json) {
  parameter.initial = json["default"].number_or(0.0);
  parameter.low = json["min"].number_or(0.0);
  parameter.high = json["max"].number_or(1.0);
  parameter.display_low = json["display_min"].number_or(parameter.low);
  parameter.display_high = json["display_max"].number_or(parameter.high);
  const bool ordered = parameter.low <= parameter.initial && parameter.initial <= parameter.high;
  const bool fits =
      parameter.type != ParameterType::integer || (parameter.low >= INT32_MIN && parameter.high <= INT32_MAX);
  if (!ordered || !fits) fail("gives \"" + parameter.name + "\" a default or a range that cannot be");
}

Parameter read_parameter(const Json& json) {
  Parameter parameter;
  parameter.name = json["name"].string;
  if (parameter.name.empty()) fail("holds a parameter without a name");
  parameter.label = json["label"].string_or(parameter.name);
  parameter.hint = json["hint"].string;
  parameter.group = json["group"].string;
  parameter.type = type_of(json, parameter.name);
  parameter.secret = json["secret"].boolean_or(false);
  parameter.own = json["own"].boolean_or(false);
  parameter.passing = json["passing"].boolean_or(false);
  parameter.animates = json["animates"].boolean_or(true);
  if (parameter.type == ParameterType::choice) {
    read_choices(parameter, json);
  } else if (parameter.type == ParameterType::boolean) {
    parameter.initial = json["default"].boolean_or(json["default"].number_or(0.0) != 0.0) ? 1.0 : 0.0;
  } else if (parameter.type == ParameterType::real || parameter.type == ParameterType::integer) {
    read_range(parameter, json);
  }
  return parameter;
}

}  // namespace

const Parameter& Parameters::named(const std::string& name) const {
  for (const Parameter& parameter : parameters) {
    if (parameter.name == name) return parameter;
  }
  fail("lacks the parameter \"" + name + "\"");
}

Parameters read_parameters(const std::string& text) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const JsonError& error) {
    fail(std::string("is broken (") + error.what() + ")");
  }
  if (json["version"].number_or(0.0) != 1.0) fail("is of a version that this effect does not know");
  Parameters out;
  std::set<std::string> names;
  for (const Json& group : json["groups"].array) {
    out.groups.push_back({group["name"].string, group["label"].string_or(group["name"].string)});
    names.insert(group["name"].string);
  }
  for (const Json& member : json["parameters"].array) {
    out.parameters.push_back(read_parameter(member));
    if (!names.insert(out.parameters.back().name).second) {
      fail("uses the name \"" + out.parameters.back().name + "\" twice");
    }
  }
  if (out.parameters.empty()) fail("holds no parameters");
  return out;
}

const Parameters& bundle_parameters() {
  // Never destroyed: a host may exit while its threads still render.
  static const auto* parameters = new Parameters(read_parameters(read_resource("parameters.json")));
  return *parameters;
}

}  // namespace lumaflux
