#include "parameters.h"

#include <cstdarg>
#include <set>

#include "effect.h"
#include "faults.h"
#include "json_text.h"

namespace {

const std::set<std::string> known_types = {kOfxParamTypeInteger, kOfxParamTypeDouble,    kOfxParamTypeBoolean,
                                           kOfxParamTypeChoice,  kOfxParamTypeGroup,     kOfxParamTypePage,
                                           kOfxParamTypeString,  kOfxParamTypePushButton};

OfxStatus define(OfxParamSetHandle set, const char* type, const char* name, OfxPropertySetHandle* properties) {
  if (set == nullptr || type == nullptr || name == nullptr) return kOfxStatErrBadHandle;
  if (set->described || set->find(name) != nullptr) {
    violation(std::string("parameter ") + name + " is defined twice or too late");
    return kOfxStatErrUnsupported;
  }
  if (known_types.count(type) == 0) return kOfxStatErrUnsupported;
  set->members.push_back(std::make_unique<OfxParamStruct>(type, name));
  if (properties != nullptr) *properties = &set->members.back()->properties;
  return kOfxStatOK;
}

OfxStatus get_handle(OfxParamSetHandle set, const char* name, OfxParamHandle* out, OfxPropertySetHandle* properties) {
  if (set == nullptr || name == nullptr || out == nullptr) return kOfxStatErrBadHandle;
  OfxParamStruct* found = set->find(name);
  if (found == nullptr) return kOfxStatErrUnknown;
  *out = found;
  if (properties != nullptr) *properties = &found->properties;
  return kOfxStatOK;
}

OfxStatus set_properties(OfxParamSetHandle set, OfxPropertySetHandle* out) {
  if (set == nullptr) return kOfxStatErrBadHandle;
  *out = &set->properties;
  return kOfxStatOK;
}

OfxStatus properties_of(OfxParamHandle parameter, OfxPropertySetHandle* out) {
  if (parameter == nullptr) return kOfxStatErrBadHandle;
  *out = &parameter->properties;
  return kOfxStatOK;
}

OfxStatus give(OfxParamHandle parameter, double time, va_list rest) {
  if (parameter == nullptr) return kOfxStatErrBadHandle;
  if (parameter->type == kOfxParamTypeString) {
    const std::lock_guard lock(parameter->mutex);
    *va_arg(rest, char**) = parameter->text.data();
    return kOfxStatOK;
  }
  const double value = parameter->at(time);
  if (parameter->type == kOfxParamTypeDouble) {
    *va_arg(rest, double*) = value;
  } else if (parameter->type == kOfxParamTypeGroup || parameter->type == kOfxParamTypePage ||
             parameter->type == kOfxParamTypePushButton) {
    return kOfxStatErrUnsupported;
  } else {
    *va_arg(rest, int*) = static_cast<int>(value);
  }
  return kOfxStatOK;
}

OfxStatus get_value(OfxParamHandle parameter, ...) {
  va_list rest;
  va_start(rest, parameter);
  const OfxStatus status = give(parameter, 0.0, rest);
  va_end(rest);
  return status;
}

OfxStatus get_value_at_time(OfxParamHandle parameter, OfxTime time, ...) {
  va_list rest;
  va_start(rest, time);
  const OfxStatus status = give(parameter, time, rest);
  va_end(rest);
  return status;
}

OfxStatus take(OfxParamHandle parameter, va_list rest) {
  if (parameter == nullptr) return kOfxStatErrBadHandle;
  if (parameter->type == kOfxParamTypeString) {
    const std::lock_guard lock(parameter->mutex);
    parameter->text = va_arg(rest, const char*);
    return kOfxStatOK;
  }
  const bool real = parameter->type == kOfxParamTypeDouble;
  const double value = real ? va_arg(rest, double) : va_arg(rest, int);
  const std::lock_guard lock(parameter->mutex);
  parameter->constant = value;
  return kOfxStatOK;
}

OfxStatus set_value(OfxParamHandle parameter, ...) {
  if (current_call() != nullptr && current_call()->renders) violation("a render sets a parameter");
  va_list rest;
  va_start(rest, parameter);
  const OfxStatus status = take(parameter, rest);
  va_end(rest);
  return status;
}

// What no effect of ours asks for; a host must still have it.
OfxStatus no_integral(OfxParamHandle, OfxTime, OfxTime, ...) { return kOfxStatErrUnsupported; }
OfxStatus no_value_at(OfxParamHandle, OfxTime, ...) { return kOfxStatErrUnsupported; }
OfxStatus no_keys(OfxParamHandle, unsigned int* count) {
  *count = 0;
  return kOfxStatOK;
}
OfxStatus no_key_time(OfxParamHandle, unsigned int, OfxTime*) { return kOfxStatErrBadIndex; }
OfxStatus no_key_index(OfxParamHandle, OfxTime, int, int*) { return kOfxStatFailed; }
OfxStatus no_deletion(OfxParamHandle, OfxTime) { return kOfxStatErrUnsupported; }
OfxStatus no_deletions(OfxParamHandle) { return kOfxStatErrUnsupported; }
OfxStatus no_copy(OfxParamHandle, OfxParamHandle, OfxTime, const OfxRangeD*) { return kOfxStatErrUnsupported; }
OfxStatus edit_begin(OfxParamSetHandle, const char*) { return kOfxStatOK; }
OfxStatus edit_end(OfxParamSetHandle) { return kOfxStatOK; }

}  // namespace

OfxParamStruct::OfxParamStruct(std::string type_, std::string name_) : type(std::move(type_)), name(std::move(name_)) {
  properties.put("OfxParamPropType", {type});
  properties.put(kOfxPropName, {name});
}

double OfxParamStruct::at(double time) const {
  const std::lock_guard lock(mutex);
  if (keys.empty()) return constant;
  auto after = keys.upper_bound(time);
  return after == keys.begin() ? after->second : std::prev(after)->second;
}

OfxParamSetStruct::OfxParamSetStruct(const OfxParamSetStruct& other) : described(true) {
  for (const auto& member : other.members) {
    members.push_back(std::make_unique<OfxParamStruct>(member->type, member->name));
    members.back()->properties.values = member->properties.values;
    members.back()->constant = member->properties.number("OfxParamPropDefault");
  }
}

OfxParamStruct* OfxParamSetStruct::find(const std::string& name) const {
  for (const auto& member : members) {
    if (member->name == name) return member.get();
  }
  return nullptr;
}

std::string OfxParamSetStruct::json() const {
  std::vector<std::string> out;
  for (const auto& member : members) {
    out.push_back(JsonObject()
                      .add("name", member->name)
                      .add("type", member->type)
                      .raw("properties", member->properties.json())
                      .text());
  }
  return json_list(out);
}

const OfxParameterSuiteV1 parameter_suite = {
    define,       get_handle,  set_properties, properties_of, get_value,  get_value_at_time,
    no_value_at,  no_integral, set_value,      no_value_at,   no_keys,    no_key_time,
    no_key_index, no_deletion, no_deletions,   no_copy,       edit_begin, edit_end,
};
