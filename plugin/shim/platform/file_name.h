// A path of UTF-8 as the file streams of the system take it.
#pragma once

#include <string>
#ifdef _WIN32
#include <filesystem>
#endif

namespace lumaflux {

#ifdef _WIN32
inline std::filesystem::path file_name(const std::string& path) { return std::filesystem::u8path(path); }
#else
inline const std::string& file_name(const std::string& path) { return path; }
#endif

}  // namespace lumaflux
