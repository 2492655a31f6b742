#include "windows_link.h"

namespace lumaflux {
namespace {

[[noreturn]] void refuse() {
  throw EngineError(
      "LumaFlux's engine has no worker on Windows yet: convert the clip with the lumaflux command, or render on Linux");
}

class WindowsLink : public EngineLink {
 public:
  std::unique_ptr<FrameMemory> allocate(const RenderJob&) override { refuse(); }
  RenderFacts render(const RenderJob&, FrameMemory&, const AbortPoll&, const WaitingFor&) override { refuse(); }
  EngineState load(const std::string&, const AbortPoll&) override { refuse(); }
  Analysis analyse(const ValueMap&, const NextFrame&, const AbortPoll&, const std::function<void(double)>&) override {
    refuse();
  }
  void warm(const std::string&) override {}
  void close() override {}
};

}  // namespace

std::unique_ptr<EngineLink> open_windows_link() { return std::make_unique<WindowsLink>(); }

}  // namespace lumaflux
