// The message suites of the test host: they remember what the plug-in said.
#pragma once

#include <string>
#include <vector>

#include "../../plugin/openfx/openfx.h"

struct Message {
  std::string call;  // message, persistent or clear
  std::string type, id, text;
  const void* handle;
};

std::vector<Message> messages();

extern const OfxMessageSuiteV1 message_suite_v1;
extern const OfxMessageSuiteV2 message_suite_v2;
