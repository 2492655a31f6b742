#include "worker_link.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include "../bundle.h"
#include "launcher.h"

namespace lumaflux {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds quiet_before_ping{2};
constexpr milliseconds busy_pause{300};
constexpr size_t most_idle = 8;

ValueMap request(const RenderJob& job, const SharedFrame& frame, const char* type = "render") {
  return {{"type", type},
          {"shm", frame.memory().name()},
          {"shm_size", static_cast<int64_t>(frame.memory().size())},
          {"width", job.width},
          {"height", job.height},
          {"components", job.components},
          {"depth", job.depth},
          {"src_offset", 0},
          {"src_row_bytes", static_cast<int64_t>(job.row_bytes)},
          {"dst_offset", static_cast<int64_t>(frame.result_offset())},
          {"dst_row_bytes", static_cast<int64_t>(job.row_bytes)},
          {"premultiplied", job.premultiplied},
          {"priority", job.priority},
          {"frame", job.frame},
          {"params", job.parameters}};
}

void say_waiting(const ValueMap& pong, const WaitingFor& waiting) {
  const std::string loads = text_or(pong, "loads", "");
  const int64_t before = integer_or(pong, "queue", 0);
  if (!loads.empty()) {
    waiting("this frame waits until the model " + loads + " is loaded");
  } else if (before > 1) {
    waiting("this frame waits: " + std::to_string(before) + " are in the engine's queue");
  }
}

// Waits for the answer to `id` with abort and heartbeat.
ValueMap await_answer(Connection& connection, int64_t id, const AbortPoll& aborted,
                      const std::function<void(double)>& progress = {}, const WaitingFor& waiting = {}) {
  auto heard = steady_clock::now();
  bool asked = false;
  for (;;) {
    const auto message = connection.receive(abort_interval);
    const auto now = steady_clock::now();
    if (message) {
      heard = now;
      asked = false;
      if (integer_or(*message, "id", 0) == id) {
        if (text_or(*message, "type", "") != "progress") return *message;
        const auto total = static_cast<double>(integer_or(*message, "total", 0));
        const auto done = static_cast<double>(integer_or(*message, "done", 0));
        if (progress) progress(total > 0.0 ? std::min(done / total, 1.0) : -1.0);
      } else if (waiting && text_or(*message, "type", "") == "pong") {
        say_waiting(*message, waiting);
      }
    }
    if (aborted()) {
      connection.send({{"type", "cancel"}, {"job", id}});
      throw Aborted{};
    }
    if (!asked && now - heard > quiet_before_ping) {
      connection.send({{"type", "ping"}});
      heard = now;
      asked = true;
    } else if (asked && now - heard > hang_limit(connection.loads)) {
      throw EngineLost("the engine does not answer", connection.worker());
    }
  }
}

// What rendered the frame when it is there, nothing when the worker asks to come again later.
std::optional<RenderFacts> exchange(Connection& connection, const RenderJob& job, const SharedFrame& frame,
                                    const AbortPoll& aborted, const WaitingFor& waiting) {
  const int64_t id = connection.send(request(job, frame));
  const ValueMap answer = await_answer(connection, id, aborted, {}, waiting);
  const std::string type = text_or(answer, "type", ""), code = text_or(answer, "code", "");
  if (type == "done") {
    connection.loads = false;
    return RenderFacts{text_or(answer, "model", ""), text_or(answer, "backend", ""), real_or(answer, "seconds", 0.0),
                       boolean_or(answer, "cached", false), boolean_or(answer, "track", false)};
  }
  if (type == "cancelled" || code == "shutting_down") throw EngineLost("the engine is leaving");
  if (type != "error") throw EngineLost("the engine answers what we did not ask", connection.worker());
  if (code == "busy") return std::nullopt;
  throw EngineError(text_or(answer, "message", "the LumaFlux engine failed without saying why: see its log"));
}

void pause(milliseconds time, const AbortPoll& aborted) {
  const auto until = steady_clock::now() + time;
  while (steady_clock::now() < until) {
    if (aborted()) throw Aborted{};
    std::this_thread::sleep_for(abort_interval);
  }
}

}  // namespace

WorkerLink::WorkerLink() : owner_(own_process()) { sweep_shared_memory(); }

std::unique_ptr<FrameMemory> WorkerLink::allocate(const RenderJob& job) {
  return std::make_unique<SharedFrame>(pool_, job);
}

RenderFacts WorkerLink::render(const RenderJob& job, FrameMemory& memory, const AbortPoll& aborted,
                               const WaitingFor& waiting) {
  auto& frame = dynamic_cast<SharedFrame&>(memory);
  std::string reason;
  for (int attempt = 0; attempt < 2; ++attempt) {
    std::unique_ptr<Connection> connection;
    try {
      connection = take_idle();
      if (!connection) connection = connect_or_start(open_runtime_directory(), engine_location(), aborted);
      std::optional<RenderFacts> facts;
      while (!(facts = exchange(*connection, job, frame, aborted, waiting))) pause(busy_pause, aborted);
      if (attempt == 0) frame.done();  // else the engine that was lost might not be gone
      keep(std::move(connection));
      return *facts;
    } catch (const EngineLost& loss) {
      reason = loss.what();
      drop_connections();
      if (loss.hung != 0) end_worker(loss.hung);
    } catch (const BundleError& error) {
      throw EngineError(error.what());
    } catch (...) {  // Aborted or EngineError: the connection is sound
      if (connection) keep(std::move(connection));
      throw;
    }
  }
  throw EngineError("the LumaFlux engine was started anew and still failed on this frame (" + reason +
                    "): see engine.log beside its socket, close other programs if memory is short, and render again");
}

namespace {

// The answer where it is of the type that is wanted.
ValueMap expect(Connection& connection, int64_t id, const char* type, const AbortPoll& aborted,
                const std::function<void(double)>& progress = {}) {
  ValueMap answer = await_answer(connection, id, aborted, progress);
  const std::string said = text_or(answer, "type", "");
  if (said == type) return answer;
  if (said == "error") throw EngineError(text_or(answer, "message", "the analysis failed: see the engine's log"));
  throw EngineLost("the engine is leaving");
}

}  // namespace

Analysis WorkerLink::analyse(const ValueMap& parameters, const NextFrame& next, const AbortPoll& aborted,
                             const std::function<void(double)>& progress) {
  try {
    // A connection of its own: what the engine has seen of the host's frames is kept with it.
    auto connection = connect_or_start(open_runtime_directory(), engine_location(), aborted);
    for (int64_t number = 0;; ++number) {
      RenderJob job;
      std::unique_ptr<FrameMemory> memory;
      if (!next(number, job, memory)) break;
      auto& frame = dynamic_cast<SharedFrame&>(*memory);
      ValueMap look = request(job, frame, "look");
      look["number"] = number;
      expect(*connection, connection->send(look), "looked", aborted);
      frame.done();
    }
    const int64_t id = connection->send({{"type", "analyze"}, {"params", parameters}});
    const ValueMap answer = expect(*connection, id, "analyzed", aborted, progress);
    Analysis found{text_or(answer, "track", ""), integer_or(answer, "frames", 0), std::nullopt};
    if (answer.count("start") != 0) found.start = integer_or(answer, "start", 0);
    return found;
  } catch (const EngineLost& loss) {
    if (loss.hung != 0) end_worker(loss.hung);
    throw EngineError(std::string("the LumaFlux engine was lost while it analysed (") + loss.what() +
                      "): press Analyse again, and see engine.log beside its socket if that does not help");
  } catch (const BundleError& error) {
    throw EngineError(error.what());
  }
}

EngineState WorkerLink::load(const std::string& model, const AbortPoll& aborted) {
  std::string reason;
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      auto connection = take_idle();
      if (!connection) connection = connect_or_start(open_runtime_directory(), engine_location(), aborted);
      const int64_t id = connection->send({{"type", "load"}, {"model", model}});
      const ValueMap answer = expect(*connection, id, "loaded", aborted);
      const EngineState state{model, text_or(answer, "backend", ""), connection->worker(),
                              integer_or(answer, "rss_mb", 0), integer_or(answer, "queue", 0)};
      connection->loads = false;
      keep(std::move(connection));
      return state;
    } catch (const EngineLost& loss) {
      reason = loss.what();
      drop_connections();
      if (loss.hung != 0) end_worker(loss.hung);
    } catch (const BundleError& error) {
      throw EngineError(error.what());
    }
  }
  throw EngineError("the LumaFlux engine was started anew and still did not load the model (" + reason +
                    "): see engine.log beside its socket, and close other programs if memory is short");
}

void WorkerLink::warm(const std::string& model) {
  try {
    auto connection = take_idle();
    if (!connection) return;
    connection->send({{"type", "warm"}, {"model", model}});
    keep(std::move(connection));
  } catch (const std::exception&) {
    // a frame that needs the model will say what is wrong
  }
}

void WorkerLink::close() {
  pool_.clear();
  drop_connections();
}

void WorkerLink::drop_connections() {
  const std::lock_guard lock(mutex_);
  idle_.clear();
}

std::unique_ptr<Connection> WorkerLink::take_idle() {
  const std::lock_guard lock(mutex_);
  if (owner_ != own_process()) {
    idle_.clear();
    owner_ = own_process();
  }
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->alive()) return connection;
  }
  return nullptr;
}

void WorkerLink::keep(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < most_idle) idle_.push_back(std::move(connection));
}

}  // namespace lumaflux
