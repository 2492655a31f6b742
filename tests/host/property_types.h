// The type and dimension that OpenFX gives the properties that a filter meets.
#pragma once

#include <string>

enum class PropertyType { integer, real, string, pointer };

struct PropertyFacts {
  PropertyType type;
  int dimension;  // 0: any
};

// Null for a property that this host does not know.
const PropertyFacts* property_facts(const std::string& name);
