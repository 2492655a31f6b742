#include "connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "engine_link.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

namespace lumaflux {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int protocol = 1;
constexpr size_t header_bytes = 4;
constexpr size_t largest_message = 1 << 20;

int open_socket() {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (socket < 0) throw EngineError(std::string("LumaFlux cannot open a socket: ") + std::strerror(errno));
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
#ifdef SO_NOSIGPIPE
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
  return socket;
}

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
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = directory.socket();
  if (path.size() >= sizeof address.sun_path) {
    throw EngineError("the path " + path + " is too long for a socket: set LUMAFLUX_RUNTIME_DIR to a shorter one");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  std::unique_ptr<Connection> connection(new Connection(open_socket()));
  if (connect(connection->socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return nullptr;
  connection->check_peer();
  connection->hello(read_token(directory), engine_version, aborted);
  return connection;
}

Connection::~Connection() { ::close(socket_); }

void Connection::check_peer() {
  uid_t user = 0;
#ifdef __linux__
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(socket_, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) throw EngineLost("the engine went away");
  user = peer.uid;
  worker_ = peer.pid;
#else
  gid_t group = 0;
  if (getpeereid(socket_, &user, &group) != 0) throw EngineLost("the engine went away");
  socklen_t length = sizeof worker_;
  getsockopt(socket_, SOL_LOCAL, LOCAL_PEERPID, &worker_, &length);
#endif
  if (user != geteuid()) throw EngineError("another user answers on LumaFlux's socket: set LUMAFLUX_RUNTIME_DIR");
}

void Connection::hello(const std::string& token, const std::string& engine_version, const AbortPoll& aborted) {
  send(
      {{"type", "hello"}, {"protocol", protocol}, {"version", engine_version}, {"token", token}, {"client", "openfx"}});
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
  const auto ready = answer->find("model_ready");
  const bool* said = ready == answer->end() ? nullptr : std::get_if<bool>(&ready->second.data);
  loads = said == nullptr || !*said;
}

bool Connection::wait(short events, steady_clock::time_point until) const {
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now()).count();
    pollfd watched{socket_, events, 0};
    const int ready = poll(&watched, 1, static_cast<int>(std::clamp<int64_t>(left, 0, 60'000)));
    if (ready > 0) return true;
    if (ready == 0 && left <= 0) return false;
    if (ready < 0 && errno != EINTR) throw EngineLost("the engine went away");
  }
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
    const ssize_t count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count >= 0) {
      sent += static_cast<size_t>(count);
    } else if (errno == EAGAIN) {
      if (!wait(POLLOUT, until)) throw EngineLost("the engine takes no requests", worker_);
    } else if (errno != EINTR) {
      throw EngineLost("the engine went away");
    }
  }
  return id;
}

bool Connection::fill(size_t bytes, steady_clock::time_point until) {
  char buffer[4096];
  while (received_.size() < bytes) {
    const ssize_t count = recv(socket_, buffer, std::min(sizeof buffer, bytes - received_.size()), 0);
    if (count > 0) {
      received_.append(buffer, static_cast<size_t>(count));
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      throw EngineLost("the engine went away");
    } else if (!wait(POLLIN, until)) {
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
  const ssize_t count = recv(socket_, &byte, 1, MSG_PEEK);
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

}  // namespace lumaflux
