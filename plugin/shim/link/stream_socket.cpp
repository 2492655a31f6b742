#include "stream_socket.h"

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "connection.h"
#include "engine_link.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

namespace lumaflux {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

#ifdef _WIN32
using Length = int;

bool would_block() { return WSAGetLastError() == WSAEWOULDBLOCK; }
bool interrupted() { return WSAGetLastError() == WSAEINTR; }
void shut(SOCKET socket) { closesocket(socket); }

void configure(SOCKET socket) {
  u_long on = 1;
  ioctlsocket(socket, FIONBIO, &on);
  SetHandleInformation(reinterpret_cast<HANDLE>(socket), HANDLE_FLAG_INHERIT, 0);
}

int poll_one(SOCKET socket, short events, int limit) {
  WSAPOLLFD watched{socket, events, 0};
  return WSAPoll(&watched, 1, limit);
}

SOCKET open_socket(int family) {
  static const int started = [] {
    WSADATA data;
    return WSAStartup(MAKEWORD(2, 2), &data);
  }();
  const SOCKET socket = started == 0 ? ::socket(family, SOCK_STREAM, 0) : INVALID_SOCKET;
  if (socket == INVALID_SOCKET) {
    throw EngineError("LumaFlux cannot open a socket: Windows says " + std::to_string(WSAGetLastError()));
  }
  return socket;
}
#else
using Length = size_t;

bool would_block() { return errno == EAGAIN; }
bool interrupted() { return errno == EINTR; }
void shut(int socket) { ::close(socket); }

void configure(int socket) {
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
#ifdef SO_NOSIGPIPE
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
}

int poll_one(int socket, short events, int limit) {
  pollfd watched{socket, events, 0};
  return poll(&watched, 1, limit);
}

int open_socket(int family) {
  const int socket = ::socket(family, SOCK_STREAM, 0);
  if (socket < 0) throw EngineError(std::string("LumaFlux cannot open a socket: ") + std::strerror(errno));
  return socket;
}
#endif

}  // namespace

#ifdef _WIN32
std::unique_ptr<StreamSocket> StreamSocket::connect_file(const std::string&) {
  return nullptr;  // Python has none there
}
#else
std::unique_ptr<StreamSocket> StreamSocket::connect_file(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw EngineError("the path " + path + " is too long for a socket: set LUMAFLUX_RUNTIME_DIR to a shorter one");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  std::unique_ptr<StreamSocket> made(new StreamSocket(open_socket(AF_UNIX)));
  made->file_ = true;
  configure(made->handle_);
  const bool there = connect(made->handle_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  return there ? std::move(made) : nullptr;
}
#endif

std::unique_ptr<StreamSocket> StreamSocket::connect_port(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::unique_ptr<StreamSocket> made(new StreamSocket(open_socket(AF_INET)));
  if (connect(made->handle_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return nullptr;
  const int on = 1;
  setsockopt(made->handle_, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&on), sizeof on);
  configure(made->handle_);
  return made;
}

StreamSocket::~StreamSocket() { shut(handle_); }

int64_t StreamSocket::send(const char* bytes, size_t count) {
  const auto sent = ::send(handle_, bytes, static_cast<Length>(count), MSG_NOSIGNAL);
  if (sent >= 0) return sent;
  return would_block() || interrupted() ? not_now : lost;
}

int64_t StreamSocket::receive(char* bytes, size_t count, bool leave_there) const {
  const auto got = recv(handle_, bytes, static_cast<Length>(count), leave_there ? MSG_PEEK : 0);
  if (got >= 0) return got;
  return would_block() || interrupted() ? not_now : lost;
}

bool StreamSocket::wait(bool to_write, steady_clock::time_point until) const {
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now()).count();
    const auto limit = static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
    const int ready = poll_one(handle_, to_write ? POLLOUT : POLLIN, limit);
    if (ready > 0) return true;
    if (ready == 0 && left <= 0) return false;
    if (ready < 0 && !interrupted()) throw EngineLost("the engine went away");
  }
}

ProcessId StreamSocket::peer() const {
  if (!file_) return 0;
#ifdef _WIN32
  return 0;
#else
  uid_t user = 0;
  pid_t process = 0;
#ifdef __linux__
  ucred facts{};
  socklen_t length = sizeof facts;
  if (getsockopt(handle_, SOL_SOCKET, SO_PEERCRED, &facts, &length) != 0) throw EngineLost("the engine went away");
  user = facts.uid;
  process = facts.pid;
#else
  gid_t group = 0;
  if (getpeereid(handle_, &user, &group) != 0) throw EngineLost("the engine went away");
  socklen_t length = sizeof process;
  getsockopt(handle_, SOL_LOCAL, LOCAL_PEERPID, &process, &length);
#endif
  if (user != geteuid()) throw EngineError("another user answers on LumaFlux's socket: set LUMAFLUX_RUNTIME_DIR");
  return process;
#endif
}

}  // namespace lumaflux
