// Smoothing of the steps of 8-bit codes. Twin: engine/lumaflux/inference/debanding.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace lumaflux {

// sdr, out: `channels` planes of width x height codes in [0,1]. They must not overlap.
void deband(const float* sdr, std::size_t width, std::size_t height, float* out, unsigned threads,
            std::size_t channels = 3);

// Rows of Y' codes as signals, likewise, for one thread that asks for them in their order. `row`: codes from one row of
// them to the next; `scale` and `offset`: signal = (code - offset) / scale.
class LumaRows {
 public:
  LumaRows(const std::uint8_t* codes, std::size_t row, std::size_t width, std::size_t height, float offset,
           float scale);
  ~LumaRows();
  void row(std::size_t y, float* out);

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lumaflux
