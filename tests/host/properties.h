// Property sets of the test host: typed values, strict about what a plug-in may do, and a count of what it did wrong.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "../../plugin/openfx/openfx.h"

using PropertyValue = std::variant<int, double, std::string, void*>;

// What OpenFX calls a property set. A live one is known by its address, so that a stale handle is told, not read.
struct OfxPropertySetStruct {
  explicit OfxPropertySetStruct(std::string kind);
  OfxPropertySetStruct(const OfxPropertySetStruct& other);
  OfxPropertySetStruct& operator=(const OfxPropertySetStruct&) = delete;
  ~OfxPropertySetStruct();

  // The host's own writes: no fault is injected, nothing is judged.
  void put(const std::string& name, std::vector<PropertyValue> values);
  std::string text(const std::string& name) const;
  double number(const std::string& name, double fallback = 0.0) const;
  bool has(const std::string& name) const;
  std::string json() const;

  std::string kind;  // host, effect, clip, image, parameter or arguments
  mutable std::mutex mutex;
  std::map<std::string, std::deque<PropertyValue>> values;
};

bool live(OfxPropertySetHandle handle);

extern const OfxPropertySuiteV1 property_suite;
