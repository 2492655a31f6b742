#include "runtime_directory.h"

#include <charconv>
#include <sstream>

namespace lumaflux {

// engine/lumaflux/service/runtime.py writes "TOKEN" or "TOKEN PORT PROOF".
Contact read_contact(const RuntimeDirectory& directory) {
  std::istringstream words(read_private(directory.token()));
  Contact contact;
  std::string port;
  words >> contact.token;
  if (words >> port >> contact.proof) {
    std::from_chars(port.data(), port.data() + port.size(), contact.port);
    if (contact.port < 1 || contact.port > 65'535) return {};
  }
  return contact;
}

}  // namespace lumaflux
