#include "server/arrival.h"

#include <unistd.h>

#include <utility>

namespace weft::server {

Arrival::Arrival(Arrival&& other) noexcept
    : place(std::move(other.place)),
      counted(std::move(other.counted)),
      protocol(other.protocol),
      descriptor(std::exchange(other.descriptor, -1)),
      room(std::move(other.room)),
      bad_name(std::move(other.bad_name)),
      greeting(std::move(other.greeting)),
      early_bytes(std::move(other.early_bytes)) {}

Arrival::~Arrival() {
  if (descriptor >= 0) ::close(descriptor);
}

}  // namespace weft::server
