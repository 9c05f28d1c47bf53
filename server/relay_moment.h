#pragma once

#include <cstdint>

namespace weft::server {

// When the members of a room are told what one of them wrote. An answer, which vouches for all that
// its receiver said before, waits for the commit either way.
enum class RelayMoment : std::uint8_t {
  kCommitted,  // once the log has it: what a client received from another survives everything
  kAccepted,  // once it is checked and on its way to the log: nobody waits for the disk. A crash, or
              // a disk that takes nothing, can leave the log without what others have seen already;
              // it comes back with any of them who can write
};

// As --relay has it.
constexpr const char* NameOf(RelayMoment moment) {
  return moment == RelayMoment::kCommitted ? "committed" : "accepted";
}

}  // namespace weft::server
