// SPDX-License-Identifier: Apache-2.0
#include "train/ring.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <thread>

#include "core/error.h"

namespace paddle {
namespace {

using Clock = Ring::Clock;

/// What a rank tells when it comes, and what it is told of the one after it: where that
/// listens, in network order. A message is for machines of one kind.
struct Place {
  std::int32_t rank;
  std::uint32_t address;
  std::uint32_t port;
};

std::string reason() { return std::strerror(errno); }

int milliseconds_to(Clock::time_point deadline) {
  using std::chrono::milliseconds;
  const auto left =
      std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<long>(static_cast<long>(left), 0, 1000000));
}

bool ready(const Socket& socket, short events, Clock::time_point deadline) {
  pollfd waiting{socket.get(), events, 0};
  int found;
  do {
    found = poll(&waiting, 1, milliseconds_to(deadline));
  } while (found < 0 && errno == EINTR);
  return found > 0;
}

Socket new_socket() {
  Socket made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (made.get() < 0) fail("cannot make a socket: ", reason());
  return made;
}

/// Small messages are sent at once.
void hurry(const Socket& socket) {
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Socket listening(int port) {
  Socket made = new_socket();
  const int on = 1;
  setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_ANY);
  where.sin_port = htons(static_cast<std::uint16_t>(port));
  if (bind(made.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) != 0 ||
      listen(made.get(), SOMAXCONN) != 0)
    fail("cannot listen at port ", port, ": ", reason());
  return made;
}

std::uint32_t port_of(const Socket& socket) {
  sockaddr_in where{};
  socklen_t size = sizeof where;
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&where), &size) != 0)
    fail("cannot tell a socket's port: ", reason());
  return where.sin_port;
}

std::uint32_t peer_of(const Socket& socket) {
  sockaddr_in where{};
  socklen_t size = sizeof where;
  if (getpeername(socket.get(), reinterpret_cast<sockaddr*>(&where), &size) != 0)
    fail("cannot tell where a worker is: ", reason());
  return where.sin_addr.s_addr;
}

bool connected(Socket& socket, std::uint32_t address, std::uint32_t port) {
  socket = new_socket();
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = address;
  where.sin_port = static_cast<std::uint16_t>(port);
  if (connect(socket.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) != 0)
    return false;
  hurry(socket);
  return true;
}

/// The address of a name; 0 while nobody knows it.
std::uint32_t resolved(const std::string& name) {
  addrinfo wanted{};
  wanted.ai_family = AF_INET;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, &wanted, &found) != 0) return 0;
  const auto* where = reinterpret_cast<const sockaddr_in*>(found->ai_addr);
  const std::uint32_t address = where->sin_addr.s_addr;
  freeaddrinfo(found);
  return address;
}

void tell(const Socket& socket, const Place& place) {
  // So small that it fits into the socket's buffer.
  if (send(socket.get(), &place, sizeof place, MSG_NOSIGNAL) != sizeof place)
    fail("cannot talk to a worker: ", reason());
}

bool told(const Socket& socket, Place& place, Clock::time_point deadline) {
  std::size_t got = 0;
  while (got < sizeof place) {
    if (!ready(socket, POLLIN, deadline)) return false;
    const ssize_t more = recv(socket.get(), reinterpret_cast<char*>(&place) + got,
                              sizeof place - got, 0);
    if (more <= 0 && errno != EINTR) return false;
    if (more > 0) got += static_cast<std::size_t>(more);
  }
  return true;
}

Socket accepted(const Socket& listener, Clock::time_point deadline) {
  if (!ready(listener, POLLIN, deadline)) return Socket();
  Socket made(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (made.get() >= 0) hurry(made);
  return made;
}

}  // namespace

void Socket::reset(int descriptor) {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = descriptor;
}

Ring::Ring(int rank, int size, const std::string& address, int port, double seconds)
    : rank_(rank), size_(size) {
  if (size < 1 || rank < 0 || rank >= size)
    fail("there is no rank ", rank, " of ", size);
  if (port < 1 || port > 65535) fail(port, " is not a port");
  if (size == 1) return;
  const auto patience = std::chrono::duration<double>(seconds);
  join(address, port, Clock::now() + std::chrono::duration_cast<Clock::duration>(patience));
}

void Ring::join(const std::string& address, int port, Clock::time_point deadline) {
  const auto count = static_cast<std::size_t>(size_);
  const Socket own = listening(0);
  Place next{};
  if (rank_ == 0) {
    const Socket door = listening(port);
    std::vector<Socket> others(count);
    std::vector<Place> places(count);
    for (std::size_t here = 1; here < count;) {
      Socket comer = accepted(door, deadline);
      if (comer.get() < 0) {
        std::string absent;
        for (std::size_t r = 1; r < count; ++r)
          if (others[r].get() < 0) absent += concat(absent.empty() ? "" : ", ", r);
        fail("rank 0 waited in vain for rank ", absent);
      }
      Place place{};
      if (!told(comer, place, deadline) || place.rank < 1 || place.rank >= size_) continue;
      const auto r = static_cast<std::size_t>(place.rank);
      if (others[r].get() >= 0) fail("there are two workers of rank ", r);
      place.address = peer_of(comer);
      places[r] = place;
      others[r] = std::move(comer);
      ++here;
    }
    // Rank 0 is where the others found it.
    places[0] = {0, 0, port_of(own)};
    for (std::size_t r = 1; r < count; ++r) tell(others[r], places[(r + 1) % count]);
    next = places[1];
  } else {
    Socket first;
    std::uint32_t found = 0;
    while ((found = resolved(address)) == 0 ||
           !connected(first, found, htons(static_cast<std::uint16_t>(port)))) {
      if (milliseconds_to(deadline) == 0)
        fail("rank ", rank_, " found no rank 0 at ", address, ":", port);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    tell(first, {rank_, 0, port_of(own)});
    if (!told(first, next, deadline))
      fail("rank ", rank_, ": rank 0 has gone, or waits for others");
    if (next.address == 0) next.address = found;
  }
  if (!connected(next_, next.address, next.port))
    fail("rank ", rank_, " cannot reach rank ", (rank_ + 1) % size_, ": ", reason());
  before_ = accepted(own, deadline);
  if (before_.get() < 0)
    fail("rank ", rank_, " waited in vain for rank ", (rank_ + size_ - 1) % size_);
}

void Ring::exchange(const float* out, std::size_t out_count, float* in,
                    std::size_t in_count) {
  const char* sending = reinterpret_cast<const char*>(out);
  char* receiving = reinterpret_cast<char*>(in);
  std::size_t to_send = out_count * sizeof(float);
  std::size_t to_receive = in_count * sizeof(float);
  // A worker that has nothing to say for a long time computes; one that has gone closes.
  while (to_send > 0 || to_receive > 0) {
    pollfd waiting[] = {
        {to_receive > 0 ? before_.get() : -1, POLLIN, 0},
        {to_send > 0 ? next_.get() : -1, POLLOUT, 0},
    };
    if (poll(waiting, 2, -1) < 0) {
      if (errno == EINTR) continue;
      fail("rank ", rank_, " cannot wait for the others: ", reason());
    }
    if (waiting[0].revents != 0) {
      const ssize_t got = recv(before_.get(), receiving, to_receive, MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        fail("rank ", (rank_ + size_ - 1) % size_, " has gone");
      if (got > 0) {
        receiving += got;
        to_receive -= static_cast<std::size_t>(got);
      }
    }
    if (waiting[1].revents != 0) {
      const ssize_t sent =
          send(next_.get(), sending, to_send, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EINTR)
        fail("rank ", (rank_ + 1) % size_, " has gone");
      if (sent > 0) {
        sending += sent;
        to_send -= static_cast<std::size_t>(sent);
      }
    }
  }
}

void Ring::sum(float* numbers, std::size_t count) {
  if (size_ == 1) return;
  const auto parts = static_cast<std::size_t>(size_);
  const auto begin = [&](std::size_t part) { return count * part / parts; };
  const auto length = [&](std::size_t part) { return begin(part + 1) - begin(part); };
  const auto own = static_cast<std::size_t>(rank_);
  // In each round a part goes one place further, and what comes is added to one's own:
  // after all rounds each rank has the whole sum of one part.
  for (std::size_t round = 0; round + 1 < parts; ++round) {
    const std::size_t out = (own + parts - round) % parts;
    const std::size_t in = (out + parts - 1) % parts;
    received_.resize(length(in));
    exchange(numbers + begin(out), length(out), received_.data(), length(in));
    float* sum = numbers + begin(in);
    for (std::size_t i = 0; i < received_.size(); ++i) sum[i] += received_[i];
  }
  // Then the sums go round.
  for (std::size_t round = 0; round + 1 < parts; ++round) {
    const std::size_t out = (own + 1 + parts - round) % parts;
    const std::size_t in = (out + parts - 1) % parts;
    exchange(numbers + begin(out), length(out), numbers + begin(in), length(in));
  }
}

}  // namespace paddle
