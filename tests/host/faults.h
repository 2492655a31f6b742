// What this host does wrong or otherwise on purpose, and what it saw the plug-in do wrong.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "../../plugin/shim/json.h"

// Set once, before the plug-in is loaded.
struct Faults {
  std::set<std::string> missing_suites;  // "OfxMessageSuite" or, of one version, "OfxMessageSuite/2"
  std::set<std::string> null_members;    // members of suites that are NULL
  std::set<std::string> refused_writes;  // properties that no plug-in may set
  std::set<std::string> unreadable;      // properties that cannot be read
  std::set<std::string> null_strings;    // properties that read as a NULL string
  bool refuse_unknown = false;           // writes of every property that this host's table lacks
  std::string source;                    // clipGetImage of Source: "failed", "null_handle" or "null_data"
  std::set<std::string> host_depths;     // what the host says it supports; all four when empty
  std::string colour_management;         // the style that the host offers; none when empty
  std::string colour_config = "ofx-native-v1.5_aces-v1.3_ocio-v2.3";  // the list of names that it has

  void read(const lumaflux::Json& json);
};

Faults& faults();

// Sentences about what the plug-in must never do; the tests demand that there are none.
void violation(const std::string& what);
std::vector<std::string> violations();
