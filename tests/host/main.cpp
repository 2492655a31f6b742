// A small OpenFX host: one JSON command a line comes in, one answer a line goes out, with the command's id. A command
// that says "thread" runs in a thread of its own. The end of the input ends the host without a word to the plug-in.
#include <unistd.h>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "session.h"

namespace {

void answer(Session& session, const lumaflux::Json& command) {
  static std::mutex mutex;
  JsonObject out;
  try {
    out = session.answer(command);
  } catch (const std::exception& error) {
    out.add("failure", error.what());
  }
  out.add("id", command["id"].number_or(0.0));
  const std::lock_guard lock(mutex);
  std::cout << out.text() << std::endl;
}

}  // namespace

int main() {
  auto* session = new Session;  // outlives the threads of a host that leaves while it renders
  std::vector<std::thread> threads;
  for (std::string line; std::getline(std::cin, line);) {
    const auto command = lumaflux::Json::parse(line);
    const std::string& what = command["do"].string;
    if (what == "leave") _exit(0);     // as a host that crashes
    if (what == "exit") std::exit(0);  // with destructors of static objects, whatever threads do
    if (what == "join") {
      for (auto& thread : threads) thread.join();
      threads.clear();
    }
    if (what == "join" || what == "ping") {
      answer(*session, lumaflux::Json::parse("{\"do\":\"report\",\"id\":" + json_number(command["id"].number) + "}"));
    } else if (command["thread"].boolean_or(false)) {
      threads.emplace_back([session, command] { answer(*session, command); });
    } else {
      answer(*session, command);
    }
  }
  for (auto& thread : threads) thread.join();
  return 0;
}
