#include "server/worker.h"

#include <algorithm>
#include <utility>

#include "server/application.h"
#include "server/hocuspocus_socket.h"
#include "server/log_event.h"
#include "server/room_member.h"
#include "server/room_name.h"
#include "server/weft_v1_socket.h"

namespace weft::server {
namespace {

constexpr std::size_t kReadBufferBytes = 64 << 10;
// How often rooms are told that time passes.
constexpr std::chrono::milliseconds kTickInterval{1'000};
// How often a stopping worker looks whether it may go on.
constexpr std::chrono::milliseconds kStopInterval{5};

constexpr const char* kStops = "the server stops; come back in a moment";

sync::TimePoint Now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(Clock::now());
}

}  // namespace

Worker::Worker(Limits limits, RelayMoment relay, Stats& stats, auth::Authority& authority,
               store::UpdateLog& log, asio::any_io_executor loading, WorkerOfRoom worker_of_room,
               RoomWatcher* watcher)
    : limits_(std::move(limits)),
      stats_(stats),
      authority_(authority),
      relay_(relay),
      worker_of_room_(std::move(worker_of_room)),
      log_(log, io_, std::move(loading), &traffic_,
           [this](absl::FunctionRef<void()> call) { Turn(call); }),
      rooms_(RoomServices{.log = log_,
                          .limits = limits_,
                          .stats = stats_,
                          .now = Now,
                          .relay = relay,
                          .watcher = watcher}),
      read_buffer_(kReadBufferBytes) {}

Worker::~Worker() = default;

void Worker::Start() {
  thread_ = std::thread([this] {
    ArmSweep();
    WaitForSockets();
    io_.run();
  });
}

void Worker::SetLimits(Limits limits) {
  asio::post(io_, [this, limits] { limits_ = limits; });
}

void Worker::StopAndJoin() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

void Worker::Empty() {
  to_flush_.clear();
  forgotten_.clear();
  connections_.clear();
  rooms_.Clear();
  io_.shutdown();
}

// --- Connections
// ------------------------------------------------------------------------------------

void Worker::Receive(Arrival arrival) {
  asio::dispatch(io_,
                 [this, arrival = std::move(arrival)]() mutable { Admit(std::move(arrival)); });
}

void Worker::Admit(Arrival arrival) {
  const int descriptor = arrival.transport.descriptor();
  const Dialect dialect = arrival.dialect;
  Application* const application = arrival.application;
  const std::string room_name = std::move(arrival.room);
  const std::optional<Arrival::Refused> refused = std::move(arrival.refused);
  std::unique_ptr<auth::Pass> pass = std::move(arrival.pass);
  auth::Credentials shown = std::move(arrival.shown);
  std::string address = std::move(arrival.address);
  crdt::Bytes early_bytes = std::move(arrival.early_bytes);
  auto made = std::make_unique<SocketConnection>(*this, std::move(arrival));
  SocketConnection& connection = *made;
  if (!poller_.Add(descriptor, connection.watched_, &connection)) return;
  connection.index_ = connections_.size();
  connections_.push_back(std::move(made));
  if (stop_ != Stop::kNo) return connection.Close(CloseCode::kRestart, "the server stops");
  if (dialect != Dialect::kYWebsocket) {
    std::unique_ptr<Multiplexer> many_rooms;
    if (dialect == Dialect::kApplication) {
      many_rooms = application->MakeSocket(connection, *this, std::move(shown));
    } else if (dialect == Dialect::kHocuspocus) {
      many_rooms = std::make_unique<HocuspocusSocket>(connection, *this, std::move(shown));
    } else {
      many_rooms = std::make_unique<WeftV1Socket>(connection, *this, std::move(shown));
    }
    Multiplexer& carried = *many_rooms;
    connection.Carry(std::move(many_rooms));
    carried.Start();
    connection.HandleEarlyBytes(early_bytes);
    return ScheduleFlush(connection);
  }
  if (refused) return connection.Close(refused->code, refused->reason);
  if (IsReserved(room_name)) {
    return connection.Close(CloseCode::kForbidden, "this room is an application's");
  }
  const absl::StatusOr<Room*> room = rooms_.Enter(room_name);
  if (!room.ok()) return connection.Close(CloseCode::kBusy, std::string(room.status().message()));
  if (IsLogged(LogLevel::kDebug)) {
    LogEvent(LogLevel::kDebug, "joined", {{"room", room_name}, {"address", address}},
             "a client joins the room \"" + PrintableName(room_name) + "\"");
  }
  JoinOptions options{.address = std::move(address)};
  if (pass) {
    options.access = auth::AccessOf(pass->role());
    options.subject = pass->grants().subject;
  }
  auto member = std::make_unique<RoomMember>(connection, **room, std::move(pass));
  RoomMember& joining = *member;
  connection.Carry(std::move(member));
  (*room)->Join(joining, std::move(options));
  connection.HandleEarlyBytes(early_bytes);
  ScheduleFlush(connection);
}

// --- Visits
// -----------------------------------------------------------------------------------------

void Worker::WithRoom(std::string name, Visit visit) {
  asio::post(io_, [this, name = std::move(name), visit = std::move(visit)]() mutable {
    if (stop_ != Stop::kNo) return visit(absl::UnavailableError("the server stops"));
    visit(rooms_.Enter(name));
    EndVisit();
  });
}

void Worker::WithRoomInMemory(std::string name, std::move_only_function<void(Room*)> visit) {
  asio::post(io_, [this, name = std::move(name), visit = std::move(visit)]() mutable {
    visit(rooms_.Find(name));
    EndVisit();
  });
}

void Worker::WithRooms(std::move_only_function<void(RoomTable&)> visit) {
  asio::post(io_, [this, visit = std::move(visit)]() mutable {
    visit(rooms_);
    EndVisit();
  });
}

void Worker::Forget(SocketConnection& connection) {
  const std::size_t index = connection.index_;
  forgotten_.push_back(std::move(connections_[index]));
  if (index + 1 != connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->index_ = index;
  }
  connections_.pop_back();
  PostFlush();
}

void Worker::WaitForSockets() {
  poller_ready_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [this](const error_code& error) {
                             if (error) return;
                             HandleSockets();
                             WaitForSockets();
                           });
}

void Worker::HandleSockets() {
  Turn([this] {
    poller_.Poll([](void* tag, SocketPoller::Readiness readiness) {
      static_cast<SocketConnection*>(tag)->OnReady(readiness);
    });
  });
}

void Worker::Turn(absl::FunctionRef<void()> call) {
  const bool was_posted = std::exchange(flushes_, true);
  call();
  flushes_ = was_posted;
  FlushScheduled();
}

void Worker::ScheduleFlush(SocketConnection& connection) {
  to_flush_.push_back(&connection);
  PostFlush();
}

void Worker::PostFlush() {
  if (std::exchange(flushes_, true)) return;
  asio::post(io_, [this] {
    flushes_ = false;
    FlushScheduled();
  });
}

void Worker::FlushScheduled() {
  do {
    SendNews();
    // Flushing may end connections, which makes others send.
    for (std::size_t i = 0; i < to_flush_.size(); ++i) to_flush_[i]->Flush();
    to_flush_.clear();
  } while (!with_news_.empty());
  forgotten_.clear();
  ArmAwareness();
}

void Worker::ScheduleNews(std::shared_ptr<Channel> channel) {
  with_news_.push_back(std::move(channel));
  PostFlush();
}

// One post for each worker that has sockets with news, whatever they are.
void Worker::SendNews() {
  if (with_news_.empty()) return;
  std::vector<std::pair<Worker*, std::vector<ChannelNews>>> others;
  for (const std::shared_ptr<Channel>& channel : std::exchange(with_news_, {})) {
    ChannelNews news = channel->TakeNews();
    Worker* worker = &channel->trunk()->worker;
    if (worker == this) {
      Multiplexer::TakeIn(std::move(news));
      continue;
    }
    auto other =
        std::find_if(others.begin(), others.end(), [&](auto& of) { return of.first == worker; });
    if (other == others.end()) other = others.insert(other, {worker, {}});
    other->second.push_back(std::move(news));
  }
  for (auto& [worker, all_news] : others) {
    asio::post(worker->io_, [all_news = std::move(all_news)]() mutable {
      for (ChannelNews& news : all_news) Multiplexer::TakeIn(std::move(news));
    });
  }
}

// --- Time
// -------------------------------------------------------------------------------------------

void Worker::ArmSweep() {
  auto interval = std::min<std::chrono::milliseconds>(
      {kTickInterval, limits_.ping_interval / 4, limits_.close_timeout / 4});
  if (stop_ != Stop::kNo) interval = kStopInterval;
  sweep_timer_.expires_after(std::max(interval, std::chrono::milliseconds(1)));
  sweep_timer_.async_wait([this](const error_code& error) {
    if (error || stop_ == Stop::kDone) return;
    Sweep();
    ArmSweep();
  });
}

// Rooms in which news wait from about the same moment on are told together.
void Worker::ArmAwareness() {
  if (awareness_armed_ || !rooms_.awareness_waits()) return;
  awareness_armed_ = true;
  awareness_timer_.expires_after(limits_.awareness_tick);
  awareness_timer_.async_wait([this](const error_code& error) {
    awareness_armed_ = false;
    if (error || stop_ == Stop::kDone) return;
    rooms_.TellAwareness();
    ArmAwareness();
  });
}

void Worker::Sweep() {
  const Clock::time_point now = Clock::now();
  // From the back, since who is forgotten gives its place to the last one.
  for (std::size_t i = connections_.size(); i > 0; --i) connections_[i - 1]->Sweep(now);
  if (now >= next_tick_) {
    next_tick_ = now + kTickInterval;
    rooms_.Tick();
  }
  if (stop_ != Stop::kNo) AdvanceStop(now);
}

// --- The end
// ----------------------------------------------------------------------------------------

void Worker::BeginStop(StopPlan plan, std::function<void()> stopped) {
  asio::post(io_, [this, plan, stopped = std::move(stopped)]() mutable {
    stop_ = Stop::kSpreading;
    stop_plan_ = plan;
    stop_begin_ = Clock::now();
    connections_at_stop_ = connections_.size();
    stopped_ = std::move(stopped);
    sweep_timer_.cancel();
    Sweep();
    ArmSweep();
  });
}

// As many are left open as there is time left.
void Worker::CloseSome(Clock::time_point now) {
  const auto left = stop_begin_ + stop_plan_.spread - now;
  const double part = std::chrono::duration<double>(left) /
                      std::max(std::chrono::duration<double>(stop_plan_.spread),
                               std::chrono::duration<double>(1e-3));
  const auto stay =
      static_cast<std::size_t>(std::max(0.0, part) * static_cast<double>(connections_at_stop_));
  std::size_t open = 0;
  for (const auto& connection : connections_) open += connection->is_open() ? 1U : 0U;
  for (std::size_t i = 0; i < connections_.size() && open > stay; ++i) {
    if (!connections_[i]->is_open()) continue;
    connections_[i]->End(CloseCode::kRestart, kStops);
    --open;
  }
}

void Worker::AdvanceStop(Clock::time_point now) {
  if (stop_ == Stop::kSpreading) {
    if (now < stop_begin_ + stop_plan_.spread) return CloseSome(now);
    stop_ = Stop::kCommitting;
    rooms_.StopReading();
  }
  if (stop_ == Stop::kCommitting && rooms_.idle()) {
    stop_ = Stop::kClosing;
    stop_deadline_ = std::min(now + limits_.close_timeout, stop_plan_.deadline);
    rooms_.CloseAll(CloseCode::kRestart, kStops);
    // Who is in rooms of other workers is closed once these have committed.
    for (const auto& connection : connections_) connection->OnStop();
  }
  if (stop_ == Stop::kClosing && (connections_.empty() || now >= stop_deadline_)) {
    stop_ = Stop::kDone;
    stopped_();
  }
}

}  // namespace weft::server
