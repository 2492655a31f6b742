#include "cpu/yuv420_rgb.h"

#include "cpu/rows.h"
#include "cpu/yuv_rows.h"

namespace lumaflux {

template <class Code>
void rgb_from_yuv420(const YuvPlanes<Code>& planes, std::size_t height, std::size_t width, const YuvCoding& coding,
                     float* rgb, unsigned threads) {
  const std::size_t plane = height * width;
  over_rows(height, threads, [&](std::size_t begin, std::size_t end) {
    YuvRows<Code> rows(planes, height, width, coding);
    for (std::size_t line = begin; line < end; ++line) {
      float* r = rgb + line * width;
      rows.rgb(line, r, r + plane, r + 2 * plane);
    }
  });
}

template void rgb_from_yuv420(const YuvPlanes<std::uint8_t>&, std::size_t, std::size_t, const YuvCoding&, float*,
                              unsigned);
template void rgb_from_yuv420(const YuvPlanes<std::uint16_t>&, std::size_t, std::size_t, const YuvCoding&, float*,
                              unsigned);

}  // namespace lumaflux
