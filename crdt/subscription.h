#pragma once

// What keeps an observer called.

#include <functional>
#include <utility>

namespace weft::crdt {

// Ends a subscription when it dies. Movable. May outlive the Doc. May be cancelled by an observer,
// its own one included: whoever is cancelled is not called any more.
class [[nodiscard]] Subscription {
 public:
  Subscription() = default;
  explicit Subscription(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
  Subscription(Subscription&& other) noexcept : cancel_(std::exchange(other.cancel_, nullptr)) {}
  Subscription& operator=(Subscription&& other) noexcept {
    Cancel();
    cancel_ = std::exchange(other.cancel_, nullptr);
    return *this;
  }
  ~Subscription() { Cancel(); }

  void Cancel() {
    if (cancel_) std::exchange(cancel_, nullptr)();
  }

 private:
  std::function<void()> cancel_;
};

}  // namespace weft::crdt
