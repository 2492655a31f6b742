#include "failure_picture.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <vector>

namespace lumaflux {
namespace {

constexpr int glyph_width = 5, glyph_height = 7, advance = 6, line_height = 10, columns = 40;

struct Glyph {
  char letter;
  const char* rows;  // 7 rows of 5 samples
};

// clang-format off
constexpr Glyph glyphs[] = {
    {'A', ".###.#...##...#######...##...##...#"}, {'B', "####.#...##...#####.#...##...#####."},
    {'C', ".#####....#....#....#....#.....####"}, {'D', "####.#...##...##...##...##...#####."},
    {'E', "######....#....####.#....#....#####"}, {'F', "######....#....####.#....#....#...."},
    {'G', ".#####....#....#.####...##...#.####"}, {'H', "#...##...##...#######...##...##...#"},
    {'I', "#####..#....#....#....#....#..#####"}, {'J', "..###...#....#....#....#.#..#..##.."},
    {'K', "#...##..#.#.#..##...#.#..#..#.#...#"}, {'L', "#....#....#....#....#....#....#####"},
    {'M', "#...###.###.#.##.#.##...##...##...#"}, {'N', "#...###..###..##.#.##..###..###...#"},
    {'O', ".###.#...##...##...##...##...#.###."}, {'P', "####.#...##...#####.#....#....#...."},
    {'Q', ".###.#...##...##...##.#.##..#..##.#"}, {'R', "####.#...##...#####.#.#..#..#.#...#"},
    {'S', ".#####....#.....###.....#....#####."}, {'T', "#####..#....#....#....#....#....#.."},
    {'U', "#...##...##...##...##...##...#.###."}, {'V', "#...##...##...##...#.#.#..#.#...#.."},
    {'W', "#...##...##...##.#.##.#.###.###...#"}, {'X', "#...##...#.#.#...#...#.#.#...##...#"},
    {'Y', "#...##...#.#.#...#....#....#....#.."}, {'Z', "#####....#...#...#...#...#....#####"},
    {'0', ".###.#...##..###.#.###..##...#.###."}, {'1', "..#...##....#....#....#....#...###."},
    {'2', ".###.#...#....#...#...#...#...#####"}, {'3', "#####...#...#.....#.....##...#.###."},
    {'4', "...#...##..#.#.#..#.#####...#....#."}, {'5', "######....####.....#....##...#.###."},
    {'6', "..##..#...#....####.#...##...#.###."}, {'7', "#####....#...#...#...#....#....#..."},
    {'8', ".###.#...##...#.###.#...##...#.###."}, {'9', ".###.#...##...#.####....#...#..##.."},
    {'.', ".........................##...##..."}, {',', "..........................##...#..."},
    {':', "......##...##.........##...##......"}, {'/', "....#....#...#...#...#...#....#...."},
    {'-', "................###................"}, {'_', "..............................#####"},
    {'(', "...#...#...#....#....#.....#.....#."}, {')', ".#.....#.....#....#....#...#...#..."},
    {'"', ".#.#..#.#.........................."}, {'\'', "..#....#..........................."},
    {'%', "##...##..#...#...#...#...#..##...##"}, {'+', ".......#....#..#####..#....#......."},
    {'=', "..........#####.....#####.........."}, {'?', ".###.#...#....#...#...#.........#.."},
};
// clang-format on

const char* rows_of(char letter) {
  const char wanted = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  const auto* found =
      std::find_if(std::begin(glyphs), std::end(glyphs), [wanted](const Glyph& g) { return g.letter == wanted; });
  return found == std::end(glyphs) ? nullptr : found->rows;
}

std::vector<std::string> wrapped(const std::string& text) {
  std::vector<std::string> lines(1);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    std::string word = text.substr(at, end - at);
    at = end + 1;
    while (!word.empty()) {
      const size_t used = lines.back().empty() ? 0 : lines.back().size() + 1;
      if (used + word.size() <= columns) {
        lines.back() += (used == 0 ? "" : " ") + word;
        break;
      }
      if (used == 0) {  // a path longer than a line
        lines.back() = word.substr(0, columns);
        word.erase(0, columns);
      }
      lines.emplace_back();
    }
  }
  return lines;
}

// A half of full scale: about 93 cd/m2 of PQ, and half of white where light is linear.
void put(char* component, const std::string& depth, bool whole) {
  if (depth == "float") {
    const float value = whole ? 1.0F : 0.5F;
    std::memcpy(component, &value, sizeof value);
  } else if (depth == "half") {
    const uint16_t value = whole ? 0x3C00 : 0x3800;  // IEEE 754 binary16
    std::memcpy(component, &value, sizeof value);
  } else if (depth == "short") {
    const uint16_t value = whole ? 0xFFFF : 0x8000;
    std::memcpy(component, &value, sizeof value);
  } else {
    *component = static_cast<char>(whole ? 0xFF : 0x80);
  }
}

}  // namespace

void draw_failure(const std::string& text, const PixelView& to) {
  const int scale = std::max(1, to.width() / (columns * advance));
  const std::vector<std::string> lines = wrapped("LumaFlux: " + text);
  for (int y = to.bounds.y1; y < to.bounds.y2; ++y) {
    const int row = (to.bounds.y2 - 1 - y) / scale - 2;  // from the top, where the text begins
    const int line = row < 0 ? -1 : row / line_height, glyph_row = row < 0 ? 0 : row % line_height;
    std::memset(to.row(y), 0, static_cast<size_t>(to.width() * to.pixel_bytes()));
    for (int x = to.bounds.x1; x < to.bounds.x2; ++x) {
      char* pixel = to.pixel(x, y);
      if (to.components == 4) put(pixel + 3 * to.component_bytes, to.depth, true);
      const int column = (x - to.bounds.x1) / scale - 2;
      if (line < 0 || line >= static_cast<int>(lines.size()) || glyph_row >= glyph_height || column < 0) continue;
      const std::string& words = lines[static_cast<size_t>(line)];
      const auto place = static_cast<size_t>(column / advance);
      const int glyph_column = column % advance;
      if (place >= words.size() || glyph_column >= glyph_width) continue;
      const char* rows = rows_of(words[place]);
      if (rows == nullptr || rows[glyph_row * glyph_width + glyph_column] != '#') continue;
      for (int i = 0; i < 3; ++i) put(pixel + i * to.component_bytes, to.depth, false);
    }
  }
}

}  // namespace lumaflux
