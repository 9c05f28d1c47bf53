#pragma once

// The parts of Asio that this folder uses. Asio is compiled once, in asio.cc.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>

namespace weft::server {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using AnyStream = asio::generic::stream_protocol;  // TCP, or sockets of the file system
using Clock = std::chrono::steady_clock;

}  // namespace weft::server
