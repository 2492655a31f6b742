#include "connection.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "engine_link.h"

namespace lumaflux {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int protocol = 1;
constexpr size_t header_bytes = 4;
constexpr size_t largest_message = 1 << 20;

}  // namespace

milliseconds hang_limit(bool loads) {
  constexpr double usual = 5.0;
  double seconds = usual;
  if (const char* text = std::getenv("LUMAFLUX_HANG_SECONDS")) {
    const auto [end, error] = std::from_chars(text, text + std::strlen(text), seconds);
    if (error != std::errc() || !(seconds >= 0.1 && seconds <= 3600.0)) seconds = usual;
  }
  return milliseconds(static_cast<int64_t>(seconds * (loads ? 6'000.0 : 1'000.0)));
}

std::unique_ptr<Connection> Connection::open(const RuntimeDirectory& directory, const std::string& engine_version,
                                             const AbortPoll& aborted) {
  Contact contact;
  auto socket = StreamSocket::connect_file(directory.socket());
  if (!socket && worker_holds(directory)) {  // else another program may have the port of a worker that ended
    contact = read_contact(directory);
    if (contact.port != 0) socket = StreamSocket::connect_port(contact.port);
  }
  if (!socket) return nullptr;
  std::unique_ptr<Connection> connection(new Connection(std::move(socket)));
  connection->worker_ = connection->socket_->peer();
  if (contact.port == 0) contact = read_contact(directory);
  connection->hello(contact, engine_version, aborted);
  return connection;
}

Connection::~Connection() = default;

void Connection::hello(const Contact& contact, const std::string& engine_version, const AbortPoll& aborted) {
  send({{"type", "hello"},
        {"protocol", protocol},
        {"version", engine_version},
        {"token", contact.token},
        {"client", "openfx"}});
  const auto until = steady_clock::now() + hang_limit(loads);
  std::optional<ValueMap> answer;
  while (!answer && steady_clock::now() < until) {
    if (aborted()) throw Aborted{};
    answer = receive(abort_interval);
  }
  if (!answer) throw EngineLost("the engine does not answer", worker_);
  const std::string type = text_or(*answer, "type", ""), code = text_or(*answer, "code", "");
  const std::string version = text_or(*answer, "version", "");
  if (code == "version" || (type == "welcome" && (integer_or(*answer, "protocol", 0) != protocol ||
                                                  (!engine_version.empty() && version != engine_version)))) {
    throw EngineError("this effect is made for engine " + engine_version + ", and " +
                      (version.empty() ? "another one" : "engine " + version) + " is running" +
                      ": close every host that uses LumaFlux, run \"lumaflux plugin install\" and start again");
  }
  if (type != "welcome") throw EngineLost("the engine refuses us: " + text_or(*answer, "message", "no reason given"));
  if (contact.port != 0) {
    if (text_or(*answer, "proof", "") != contact.proof) throw EngineLost("another program has the engine's port");
    worker_ = integer_or(*answer, "pid", 0);
  }
  const auto ready = answer->find("model_ready");
  const bool* said = ready == answer->end() ? nullptr : std::get_if<bool>(&ready->second.data);
  loads = said == nullptr || !*said;
}

int64_t Connection::send(ValueMap message) {
  static std::atomic<int64_t> last_id{0};
  const int64_t id = ++last_id;
  message["id"] = id;
  const std::string body = pack(message);
  if (body.size() > largest_message) throw EngineError("a request to the engine is too large");
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>((body.size() >> shift) & 0xFF);
  bytes += body;
  const auto until = steady_clock::now() + hang_limit(loads);
  for (size_t sent = 0; sent < bytes.size();) {
    const int64_t count = socket_->send(bytes.data() + sent, bytes.size() - sent);
    if (count == StreamSocket::lost) throw EngineLost("the engine went away");
    if (count >= 0) {
      sent += static_cast<size_t>(count);
    } else if (!socket_->wait(true, until)) {
      throw EngineLost("the engine takes no requests", worker_);
    }
  }
  return id;
}

bool Connection::fill(size_t bytes, steady_clock::time_point until) {
  char buffer[4096];
  while (received_.size() < bytes) {
    const int64_t count = socket_->receive(buffer, std::min(sizeof buffer, bytes - received_.size()));
    if (count > 0) {
      received_.append(buffer, static_cast<size_t>(count));
    } else if (count != StreamSocket::not_now) {
      throw EngineLost("the engine went away");
    } else if (!socket_->wait(false, until)) {
      return false;
    }
  }
  return true;
}

std::optional<ValueMap> Connection::receive(milliseconds limit) {
  const auto until = steady_clock::now() + limit;
  if (!fill(header_bytes, until)) return std::nullopt;
  size_t length = 0;
  for (size_t i = 0; i < header_bytes; ++i)
    length |= static_cast<size_t>(static_cast<unsigned char>(received_[i])) << (8 * i);
  if (length == 0 || length > largest_message) throw EngineLost("the engine answers what is no message", worker_);
  if (!fill(header_bytes + length, until)) return std::nullopt;
  try {
    ValueMap message = unpack(std::string_view(received_).substr(header_bytes));
    received_.clear();
    return message;
  } catch (const MessageError& error) {
    throw EngineLost(std::string("the engine answers what is no message: ") + error.what(), worker_);
  }
}

bool Connection::alive() const {
  char byte = 0;
  const int64_t count = socket_->receive(&byte, 1, true);
  return count > 0 || count == StreamSocket::not_now;
}

}  // namespace lumaflux
