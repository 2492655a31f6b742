// Work on rows: spread over threads, and rows that are computed once and seen by their neighbours.
#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>
#include <vector>

namespace lumaflux {

// Where samples of a stretched row lie in the row that it is made from (pixel centres, borders repeat).
struct Position {
  std::size_t index;  // and the next one
  float share;
};

inline Position position_of(std::size_t i, std::size_t low, std::size_t full) {
  const float x =
      std::max(0.0f, (static_cast<float>(i) + 0.5f) * static_cast<float>(low) / static_cast<float>(full) - 0.5f);
  const std::size_t index = std::min(static_cast<std::size_t>(x), low - 1);
  return {index, std::min(x - static_cast<float>(index), 1.0f)};
}

// Calls work(begin, end) on consecutive parts of [0, rows), one a thread. What it throws ends the program: it must not.
template <class Work>
void over_rows(std::size_t rows, unsigned threads, const Work& work) {
  const std::size_t parts = std::max<std::size_t>(1, std::min<std::size_t>(threads, rows / 8));
  std::vector<std::thread> others;
  for (std::size_t part = 1; part < parts; ++part) {
    others.emplace_back([&work, rows, part, parts] { work(rows * part / parts, rows * (part + 1) / parts); });
  }
  work(std::size_t{0}, rows / parts);
  for (std::thread& other : others) other.join();
}

// The last few rows of something, computed when first asked for. Borders repeat: row -1 is row 0.
template <class Compute, class Number = float>
class Rows {
 public:
  // `kept` rows of `numbers` each; compute(row, out) makes one of rows 0 to `count` - 1.
  Rows(std::size_t kept, std::size_t numbers, std::ptrdiff_t count, Compute compute)
      : kept_(kept), numbers_(numbers), count_(count), compute_(compute), memory_(kept * numbers), held_(kept, -1) {}

  const Number* operator[](std::ptrdiff_t row) {
    row = std::clamp<std::ptrdiff_t>(row, 0, count_ - 1);
    const std::size_t place = static_cast<std::size_t>(row) % kept_;
    Number* memory = memory_.data() + place * numbers_;
    if (held_[place] != row) {
      compute_(row, memory);
      held_[place] = row;
    }
    return memory;
  }

 private:
  std::size_t kept_, numbers_;
  std::ptrdiff_t count_;
  Compute compute_;
  std::vector<Number> memory_;
  std::vector<std::ptrdiff_t> held_;
};

}  // namespace lumaflux
