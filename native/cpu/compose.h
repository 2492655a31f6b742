// Detail transfer at full resolution: the source's own pixels in the model's light. Twin:
// engine/lumaflux/inference/composition.py.
#pragma once

#include <cstddef>

namespace lumaflux {

// A frame's placement (engine/lumaflux/model/tone_predictor.py) as tables: `curve` is cd/m2 over the BT.1886 signal in
// equal steps.
struct PlacementTables {
  const float* curve;
  std::size_t steps;  // entries of `curve`, less one
  float by_channel;
  float matrix[9];  // on PQ R'G'B', row by row
  float peak_pq;
};

// Planes of the reduced frame, width x height each, three a part.
struct ReducedPlanes {
  const float *slope, *level, *structure;
  std::size_t width, height;
};

// smooth, sdr: three planes of width x height codes in [0,1], without steps and as they came; out: PQ/BT.2020.
void compose(const float* smooth, const float* sdr, std::size_t width, std::size_t height,
             const PlacementTables& placement, const ReducedPlanes& reduced, float recovery, float* out,
             unsigned threads);

}  // namespace lumaflux
