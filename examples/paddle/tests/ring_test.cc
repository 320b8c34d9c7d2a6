// SPDX-License-Identifier: Apache-2.0
// Workers in threads, which talk through real sockets.

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <functional>
#include <thread>

#include "support.h"
#include "train/ring.h"

namespace paddle::testing {
namespace {

int free_port() {
  const Socket probe(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in where{};
  where.sin_family = AF_INET;
  socklen_t size = sizeof where;
  EXPECT_EQ(::bind(probe.get(), reinterpret_cast<sockaddr*>(&where), size), 0);
  EXPECT_EQ(::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&where), &size), 0);
  return ntohs(where.sin_port);
}

/// Runs body(ring) on each of `size` workers, and returns what each threw, or "".
std::vector<std::string> on_each(int size, const std::function<void(Ring&)>& body) {
  const int port = free_port();
  std::vector<std::string> errors(static_cast<std::size_t>(size));
  std::vector<std::thread> workers;
  for (int rank = 0; rank < size; ++rank)
    workers.emplace_back([&, rank] {
      try {
        Ring ring(rank, size, "localhost", port, 20.0);
        body(ring);
      } catch (const Error& error) {
        errors[static_cast<std::size_t>(rank)] = error.what();
      }
    });
  for (std::thread& worker : workers) worker.join();
  return errors;
}

const std::vector<std::string> kNone(2);

TEST(Ring, SumsAreTheSameBitsOnAllRanks) {
  for (const int size : {1, 2, 3, 5}) {
    for (const std::size_t count : {0, 1, 4, 1001}) {
      std::vector<Values> results(static_cast<std::size_t>(size));
      const auto errors = on_each(size, [&](Ring& ring) {
        Values values = random_values(count, static_cast<std::uint64_t>(ring.rank()));
        ring.sum(values.data(), values.size());
        results[static_cast<std::size_t>(ring.rank())] = values;
      });
      for (const std::string& error : errors) EXPECT_EQ(error, "");
      Values expected(count, 0.0f);
      for (int rank = 0; rank < size; ++rank) {
        const Values one = random_values(count, static_cast<std::uint64_t>(rank));
        for (std::size_t i = 0; i < count; ++i) expected[i] += one[i];
      }
      expect_near(results[0], expected, 1e-6);
      for (const Values& result : results) EXPECT_EQ(result, results[0]);
      if (size == 2) {
        EXPECT_EQ(results[0], expected);
      }
    }
  }
}

TEST(Ring, MoreThanSocketsHoldGoesRound) {
  const std::size_t count = 3000000;
  const auto errors = on_each(2, [&](Ring& ring) {
    Values values(count, static_cast<float>(ring.rank() + 1));
    ring.sum(values.data(), count);
    EXPECT_EQ(values, Values(count, 3.0f));
  });
  EXPECT_EQ(errors, kNone);
}

TEST(Ring, WhoHasGoneIsNamed) {
  const auto errors = on_each(3, [](Ring& ring) {
    float number = 1.0f;
    if (ring.rank() == 2) return;
    ring.sum(&number, 1);
    ring.sum(&number, 1);
  });
  EXPECT_EQ(errors[2], "");
  EXPECT_NE((errors[0] + errors[1]).find("rank 2 has gone"), std::string::npos)
      << errors[0] << errors[1];
}

TEST(Ring, WhoDoesNotComeIsNamed) {
  try {
    Ring ring(0, 3, "localhost", free_port(), 0.2);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "rank 0 waited in vain for rank 1, 2");
  }
  try {
    Ring ring(1, 2, "localhost", free_port(), 0.2);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("rank 1 found no rank 0 at localhost:"),
              std::string::npos);
  }
}

TEST(Ring, RanksThatCannotBeAreRefused) {
  EXPECT_THROW(Ring(2, 2, "localhost", 1000, 1.0), Error);
  EXPECT_THROW(Ring(0, 0, "localhost", 1000, 1.0), Error);
  EXPECT_THROW(Ring(0, 2, "localhost", 70000, 1.0), Error);
}

}  // namespace
}  // namespace paddle::testing
