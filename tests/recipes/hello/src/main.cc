#include <algorithm>
#include <cctype>
#include <iostream>
#include <string>
#include <thread>

#include "config.h"
#include "words.h"

namespace {

std::string spoken(std::string text) {
  if (LOUD) std::transform(text.begin(), text.end(), text.begin(), ::toupper);
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string text = spoken(argc > 1 ? argv[1] : "hello, world");
  std::thread([&] { std::cout << text << ": " << words(text.c_str()) << " words\n"; }).join();
}
