// The lattice that cpu/pq_codes.h looks up a frame's pixels in.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lumaflux {

// BT.2100-2 Table 9, ten bits, narrow range; BT.2020-2 Table 4.
constexpr float kLumaScale = 876.0f, kLumaOffset = 64.0f, kChromaScale = 896.0f, kChromaOffset = 512.0f;
constexpr float kRed = 0.2627f, kGreen = 0.6780f, kBlue = 0.0593f;
constexpr float kToRed = 2.0f * (1.0f - kRed), kToBlue = 2.0f * (1.0f - kBlue);

// Ten-bit Y', Cb and Cr of a node, times kNodeScale, in the lower 16 bits of three numbers, those of the next node
// along Y' in their upper ones; and nothing. With weights of fifteen bits, one multiplication of 16-bit integers and
// addition of neighbours takes all that a node gives. Integers make it the same on every instruction set.
struct Node {
  std::int32_t pairs[4];
};
constexpr float kNodeScale = 32.0f;

// Nodes by Cb, Cr and Y' of the source. Y' goes from 0 to `luma_end` in equal steps, Cb and Cr from -0.5 to 0.5 in
// steps that grow with the square from grey, for dark colours lie near it.
struct Lattice {
  const Node* nodes;
  std::size_t blue, red, luma;
  float luma_end;
};

// Part of the nodes of an axis.
struct Stretch {
  std::size_t first, count;
};

// rgb: PQ/BT.2020 R'G'B' in [0,1] of nodes, three planes [blue.count][red.count][luma], which lie where the stretches
// say among out[..][reds][luma]. Other nodes stay as they are.
void fill_lattice(const float* rgb, Stretch blue, Stretch red, std::size_t reds, std::size_t luma, Node* out);

}  // namespace lumaflux
