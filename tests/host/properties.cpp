#include "properties.h"

#include <set>

#include "faults.h"
#include "json_text.h"
#include "property_types.h"

namespace {

struct Register {
  std::mutex mutex;
  std::set<const OfxPropertySetStruct*> sets;
};

Register& all_sets() {
  static auto* the_sets = new Register;
  return *the_sets;
}

void enter(const OfxPropertySetStruct* set) {
  const std::lock_guard lock(all_sets().mutex);
  all_sets().sets.insert(set);
}

std::string value_json(const PropertyValue& value) {
  if (const auto* integer = std::get_if<int>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return json_number(*real);
  if (const auto* text = std::get_if<std::string>(&value)) return json_quoted(*text);
  return std::get<void*>(value) == nullptr ? "null" : "\"pointer\"";
}

// Bounds and defaults of a parameter have the type of its value.
bool fits_parameter(const OfxPropertySetStruct& set, const std::string& name, const PropertyValue& value) {
  static const std::set<std::string> by_type = {"OfxParamPropDefault", "OfxParamPropMin", "OfxParamPropMax",
                                                "OfxParamPropDisplayMin", "OfxParamPropDisplayMax"};
  if (by_type.count(name) == 0) return true;
  const auto& type = std::get<std::string>(set.values.at("OfxParamPropType").front());
  if (type == kOfxParamTypeString) return std::holds_alternative<std::string>(value);
  return type == kOfxParamTypeDouble ? std::holds_alternative<double>(value) : std::holds_alternative<int>(value);
}

OfxStatus write(OfxPropertySetHandle set, const char* name, int index, PropertyValue value) {
  if (!live(set)) {
    violation("a property is set on a handle that is none");
    return kOfxStatErrBadHandle;
  }
  if (name == nullptr || faults().refused_writes.count(name) != 0) return kOfxStatErrUnknown;
  const PropertyFacts* facts = property_facts(name);
  const std::lock_guard lock(set->mutex);
  const bool of_parameter = set->kind == "parameter" && set->values.count("OfxParamPropType") != 0;
  const bool known = facts != nullptr || set->values.count(name) != 0 || of_parameter;
  if (!known && faults().refuse_unknown) return kOfxStatErrUnknown;
  if (facts != nullptr && static_cast<size_t>(facts->type) != value.index()) {
    violation(std::string(name) + " is set with a value of the wrong type");
    return kOfxStatErrValue;
  }
  if (of_parameter && !fits_parameter(*set, name, value)) {
    violation(std::string(name) + " has not the type of its parameter");
    return kOfxStatErrValue;
  }
  auto& slots = set->values[name];
  const int size = static_cast<int>(slots.size());
  if (index < 0 || index > size || (facts != nullptr && facts->dimension != 0 && index >= facts->dimension)) {
    violation(std::string(name) + " is set at an index that it has not");
    return kOfxStatErrBadIndex;
  }
  if (index == size) slots.emplace_back();
  slots[static_cast<size_t>(index)] = std::move(value);
  return kOfxStatOK;
}

template <typename T>
OfxStatus read(OfxPropertySetHandle set, const char* name, int index, T* value) {
  using Stored = std::conditional_t<std::is_same_v<T, char*>, std::string, T>;
  if (!live(set)) {
    violation("a property is read from a handle that is none");
    return kOfxStatErrBadHandle;
  }
  if (name == nullptr || value == nullptr || faults().unreadable.count(name) != 0) return kOfxStatErrUnknown;
  const std::lock_guard lock(set->mutex);
  const auto found = set->values.find(name);
  if (found == set->values.end()) return kOfxStatErrUnknown;
  if (index < 0 || index >= static_cast<int>(found->second.size())) return kOfxStatErrBadIndex;
  auto* stored = std::get_if<Stored>(&found->second[static_cast<size_t>(index)]);
  if (stored == nullptr) {
    violation(std::string(name) + " is read as a value of the wrong type");
    return kOfxStatErrValue;
  }
  if constexpr (std::is_same_v<T, char*>) {
    *value = faults().null_strings.count(name) != 0 ? nullptr : stored->data();
  } else {
    *value = *stored;
  }
  return kOfxStatOK;
}

template <typename T, typename One>
OfxStatus each(int count, T* values, One one) {
  for (int index = 0; index < count; ++index) {
    if (const OfxStatus status = one(index, values + index); status != kOfxStatOK) return status;
  }
  return kOfxStatOK;
}

OfxStatus set_pointer(OfxPropertySetHandle set, const char* name, int index, void* value) {
  return write(set, name, index, value);
}

OfxStatus set_string(OfxPropertySetHandle set, const char* name, int index, const char* value) {
  if (value == nullptr) {  // one host crashes here
    violation(std::string(name == nullptr ? "a property" : name) + " is set to a NULL string");
    return kOfxStatErrValue;
  }
  return write(set, name, index, std::string(value));
}

OfxStatus set_double(OfxPropertySetHandle set, const char* name, int index, double value) {
  return write(set, name, index, value);
}

OfxStatus set_int(OfxPropertySetHandle set, const char* name, int index, int value) {
  return write(set, name, index, value);
}

OfxStatus set_pointers(OfxPropertySetHandle set, const char* name, int count, void* const* values) {
  return each(count, values, [&](int i, void* const* value) { return set_pointer(set, name, i, *value); });
}

OfxStatus set_strings(OfxPropertySetHandle set, const char* name, int count, const char* const* values) {
  return each(count, values, [&](int i, const char* const* value) { return set_string(set, name, i, *value); });
}

OfxStatus set_doubles(OfxPropertySetHandle set, const char* name, int count, const double* values) {
  return each(count, values, [&](int i, const double* value) { return set_double(set, name, i, *value); });
}

OfxStatus set_ints(OfxPropertySetHandle set, const char* name, int count, const int* values) {
  return each(count, values, [&](int i, const int* value) { return set_int(set, name, i, *value); });
}

template <typename T>
OfxStatus read_all(OfxPropertySetHandle set, const char* name, int count, T* values) {
  return each(count, values, [&](int i, T* value) { return read(set, name, i, value); });
}

OfxStatus reset(OfxPropertySetHandle set, const char* name) {
  if (!live(set) || name == nullptr) return kOfxStatErrBadHandle;
  const std::lock_guard lock(set->mutex);
  return set->values.erase(name) != 0 ? kOfxStatOK : kOfxStatErrUnknown;
}

OfxStatus dimension(OfxPropertySetHandle set, const char* name, int* count) {
  if (!live(set) || name == nullptr || count == nullptr) return kOfxStatErrBadHandle;
  const std::lock_guard lock(set->mutex);
  const auto found = set->values.find(name);
  if (found == set->values.end()) return kOfxStatErrUnknown;
  *count = static_cast<int>(found->second.size());
  return kOfxStatOK;
}

}  // namespace

OfxPropertySetStruct::OfxPropertySetStruct(std::string kind_) : kind(std::move(kind_)) { enter(this); }

OfxPropertySetStruct::OfxPropertySetStruct(const OfxPropertySetStruct& other) : kind(other.kind), values(other.values) {
  enter(this);
}

OfxPropertySetStruct::~OfxPropertySetStruct() {
  const std::lock_guard lock(all_sets().mutex);
  all_sets().sets.erase(this);
}

void OfxPropertySetStruct::put(const std::string& name, std::vector<PropertyValue> list) {
  const std::lock_guard lock(mutex);
  values[name].assign(std::make_move_iterator(list.begin()), std::make_move_iterator(list.end()));
}

std::string OfxPropertySetStruct::text(const std::string& name) const {
  const std::lock_guard lock(mutex);
  const auto found = values.find(name);
  if (found == values.end() || found->second.empty()) return {};
  const auto* text = std::get_if<std::string>(&found->second.front());
  return text == nullptr ? std::string() : *text;
}

double OfxPropertySetStruct::number(const std::string& name, double fallback) const {
  const std::lock_guard lock(mutex);
  const auto found = values.find(name);
  if (found == values.end() || found->second.empty()) return fallback;
  if (const auto* integer = std::get_if<int>(&found->second.front())) return *integer;
  const auto* real = std::get_if<double>(&found->second.front());
  return real == nullptr ? fallback : *real;
}

bool OfxPropertySetStruct::has(const std::string& name) const {
  const std::lock_guard lock(mutex);
  return values.count(name) != 0;
}

std::string OfxPropertySetStruct::json() const {
  const std::lock_guard lock(mutex);
  JsonObject out;
  for (const auto& [name, slots] : values) {
    std::vector<std::string> members;
    for (const auto& value : slots) members.push_back(value_json(value));
    out.raw(name, json_list(members));
  }
  return out.text();
}

bool live(OfxPropertySetHandle handle) {
  const std::lock_guard lock(all_sets().mutex);
  return all_sets().sets.count(handle) != 0;
}

const OfxPropertySuiteV1 property_suite = {
    set_pointer,     set_string,      set_double,       set_int,       set_pointers, set_strings,
    set_doubles,     set_ints,        read<void*>,      read<char*>,   read<double>, read<int>,
    read_all<void*>, read_all<char*>, read_all<double>, read_all<int>, reset,        dimension,
};
