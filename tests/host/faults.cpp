#include "faults.h"

namespace {

std::set<std::string> names(const lumaflux::Json& json) {
  std::set<std::string> out;
  for (const auto& member : json.array) out.insert(member.string);
  return out;
}

struct Seen {
  std::mutex mutex;
  std::vector<std::string> sentences;
};

Seen& seen() {
  static auto* the_seen = new Seen;
  return *the_seen;
}

}  // namespace

void Faults::read(const lumaflux::Json& json) {
  missing_suites = names(json["missing_suites"]);
  null_members = names(json["null_members"]);
  refused_writes = names(json["refused_writes"]);
  unreadable = names(json["unreadable"]);
  null_strings = names(json["null_strings"]);
  refuse_unknown = json["refuse_unknown"].boolean_or(false);
  source = json["source"].string;
  host_depths = names(json["host_depths"]);
  colour_management = json["colour_management"].string;
  colour_config = json["colour_config"].string_or(colour_config);
}

Faults& faults() {
  static auto* the_faults = new Faults;
  return *the_faults;
}

void violation(const std::string& what) {
  const std::lock_guard lock(seen().mutex);
  seen().sentences.push_back(what);
}

std::vector<std::string> violations() {
  const std::lock_guard lock(seen().mutex);
  return seen().sentences;
}
