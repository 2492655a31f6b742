// Parameters of the test host: definitions, values of instances, and steps of an animation.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "properties.h"

struct OfxParamStruct {
  OfxParamStruct(std::string type, std::string name);

  double at(double time) const;  // the last key before `time`, the constant without keys

  std::string type, name;
  OfxPropertySetStruct properties{"parameter"};
  mutable std::mutex mutex;
  double constant = 0.0;
  std::string text;  // of a string
  std::map<double, double> keys;
};

struct OfxParamSetStruct {
  OfxParamSetStruct() = default;
  OfxParamSetStruct(const OfxParamSetStruct& other);  // an instance from a description: values are the defaults
  OfxParamStruct* find(const std::string& name) const;
  std::string json() const;

  OfxPropertySetStruct properties{"parameter"};
  std::vector<std::unique_ptr<OfxParamStruct>> members;
  bool described = false;  // no more definitions
};

extern const OfxParameterSuiteV1 parameter_suite;
