// The adapters' thin passes on the CPU, each over tokens once: what torch does in five to eight passes.
#pragma once

#include <cstddef>

namespace lumaflux {

// Tokens of one picture: x and value [tokens, channels], of which heads share the channels evenly.
struct TokenPlanes {
  std::size_t tokens, channels, heads;
};

// y = value + gate[t,h] spectrum[h] (alpha up (down x) + beta x); down [rank, channels], up [channels, rank].
void gated_low_rank(const float* x, const float* value, const float* down, const float* up, std::size_t rank,
                    float alpha, float beta, const float* gate, const float* spectrum, const TokenPlanes& planes,
                    float* y, unsigned threads);

// y = h + zeta + gamma (h - mean) / sqrt(variance + 1e-5), over the channels of each token.
void film_layer_norm(const float* hidden, const float* gamma, const float* zeta, const TokenPlanes& planes, float* y,
                     unsigned threads);

}  // namespace lumaflux
