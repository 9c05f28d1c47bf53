#pragma once

// Random numbers that are the same on every machine: std distributions are not.
// Source: splitmix64 (Steele, Lea, Flood 2014).

#include <cstdint>

namespace weft::simulation {

inline std::uint64_t Mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
  return value ^ (value >> 31);
}

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() { return Mix(state_++); }
  // In [0, bound); for bounds as small as these without a bias that matters. Requires: bound > 0.
  std::uint64_t Below(std::uint64_t bound) { return Next() % bound; }
  // In [0, 1).
  double Part() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  bool Happens(double probability) { return Part() < probability; }

 private:
  std::uint64_t state_;
};

}  // namespace weft::simulation
