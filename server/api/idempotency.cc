#include "server/api/idempotency.h"

#include <utility>

namespace weft::server::api {

std::string IdempotencyTable::NameOf(std::string_view room, std::string_view key) {
  std::string name(room);
  name += '\xFF';  // is in no name
  name += key;
  return name;
}

IdempotencyTable::Found IdempotencyTable::Begin(std::string_view room, std::string_view key,
                                                std::uint64_t fingerprint, TimePoint now) {
  const std::lock_guard lock(mutex_);
  ForgetOld(now);
  std::string name = NameOf(room, key);
  if (const auto known = entries_.find(name); known != entries_.end()) {
    if (known->second.fingerprint != fingerprint) return {.verdict = Verdict::kOther, .answer = {}};
    if (!known->second.answer) return {.verdict = Verdict::kRunning, .answer = {}};
    return {.verdict = Verdict::kDone, .answer = *known->second.answer};
  }
  const std::uint64_t number = ++last_number_;
  order_.push_back({.name = name, .number = number, .made = now});
  entries_.emplace(std::move(name),
                   Entry{.fingerprint = fingerprint, .number = number, .answer = {}});
  return {};
}

void IdempotencyTable::Finish(std::string_view room, std::string_view key,
                              const HttpAnswer& answer) {
  const std::lock_guard lock(mutex_);
  const auto known = entries_.find(NameOf(room, key));
  if (known != entries_.end()) known->second.answer = answer;
}

void IdempotencyTable::Abandon(std::string_view room, std::string_view key) {
  const std::lock_guard lock(mutex_);
  entries_.erase(NameOf(room, key));
}

void IdempotencyTable::ForgetOld(TimePoint now) {
  while (!order_.empty() &&
         (order_.size() >= kMaxEntries || now - order_.front().made > kLifetime)) {
    const auto entry = entries_.find(order_.front().name);
    if (entry != entries_.end() && entry->second.number == order_.front().number) {
      entries_.erase(entry);
    }
    order_.pop_front();
  }
}

std::size_t IdempotencyTable::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

crdt::ClientId KeyedClient(std::string_view room, std::string_view key) {
  constexpr std::uint64_t kClientBits = (std::uint64_t{1} << 53) - 1;
  std::string name(room);
  name += '\xFF';
  name += key;
  return crdt::ClientId{crdt::StringHash{}(name)&kClientBits};
}

}  // namespace weft::server::api
