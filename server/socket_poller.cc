#include "server/socket_poller.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>

#include "crdt/base/check.h"

namespace weft::server {
namespace {

constexpr int kEvents = 256;

epoll_event EventFor(SocketPoller::Interest interest, void* tag) {
  epoll_event event{};
  event.events = (interest.read ? EPOLLIN : 0U) | (interest.write ? EPOLLOUT : 0U);
  event.data.ptr = tag;
  return event;
}

}  // namespace

SocketPoller::SocketPoller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) { CHECK(epoll_ >= 0); }

SocketPoller::~SocketPoller() { ::close(epoll_); }

int SocketPoller::Duplicate() const { return ::fcntl(epoll_, F_DUPFD_CLOEXEC, 0); }

bool SocketPoller::Add(int socket, Interest interest, void* tag) {
  epoll_event event = EventFor(interest, tag);
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) == 0;
}

void SocketPoller::Change(int socket, Interest interest, void* tag) {
  epoll_event event = EventFor(interest, tag);
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event);
}

void SocketPoller::Poll(absl::FunctionRef<void(void* tag, Readiness readiness)> ready) {
  std::array<epoll_event, kEvents> events;
  const int count = ::epoll_wait(epoll_, events.data(), kEvents, 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    ready(event.data.ptr, {.read = (event.events & EPOLLIN) != 0,
                           .write = (event.events & EPOLLOUT) != 0,
                           .broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0});
  }
}

}  // namespace weft::server
