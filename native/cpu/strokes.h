// What letters are looked for in: samples of a frame as codes, and runs of a row that may be strokes.
// Twins: engine/lumaflux/inference/graphics.py and text_lines.py, whose numbers these are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/yuv420_rgb.h"

namespace lumaflux {

// Codes of every down-th row and across-th column of a picture, [ceil(height/down)][ceil(width/across)]: its luma, of
// weights that sum to 255, and the darkest of its channels.
void sampled_codes(const YuvPlanes<std::uint8_t>& planes, std::size_t height, std::size_t width,
                   const YuvCoding& coding, const std::array<float, 3>& weights, std::size_t down, std::size_t across,
                   std::uint8_t* luma, std::uint8_t* darkest, unsigned threads);

// Where a stroke may be: of at least that code, in surroundings of at most that one, and so much lighter than they are.
struct StrokeRule {
  std::uint8_t least, ground, contrast;
  std::size_t reach;  // columns to either side: the surroundings
};

// In the order of rows, then columns. Surroundings are the lighter of the darkest codes on both sides; `ended`: on how
// many sides a run has fallen to 35 % of its contrast within three columns.
struct StrokeRuns {
  std::vector<std::int64_t> row, start, stop;
  std::vector<double> peak, under, darkest, ended;
};

// codes, darkest: height x width.
StrokeRuns stroke_runs(const std::uint8_t* codes, const std::uint8_t* darkest, std::size_t height, std::size_t width,
                       const StrokeRule& rule);

}  // namespace lumaflux
