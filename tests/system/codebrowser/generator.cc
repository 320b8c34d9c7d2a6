// codebrowser_generator -b DIRECTORY -a -o OUTPUT -p NAME:SOURCE:REVISION
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <regex>
#include <sstream>
#include <string>

namespace fs = std::filesystem;

static std::string content(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name != "-a" && i + 1 < argc) options[name] = argv[++i];
  }
  const std::string commands = content(fs::path(options["-b"]) / "compile_commands.json");
  const std::string project = options["-p"].substr(0, options["-p"].find(':'));
  const fs::path pages = options["-o"];
  const std::regex file("\"file\": \"([^\"]+)\""), function("int ([a-z_]+)\\(\\)");
  bool found = false;
  for (std::sregex_iterator i(commands.begin(), commands.end(), file), end; i != end; ++i) {
    const fs::path path = (*i)[1].str();
    const std::string text = content(path);
    if (text.empty()) continue;
    found = true;
    fs::create_directories(pages / project);
    fs::create_directories(pages / "refs");
    std::ofstream(pages / project / (path.filename().string() + ".html")) << "<pre>" << text;
    for (std::sregex_iterator f(text.begin(), text.end(), function); f != end; ++f) {
      const std::string name = (*f)[1];
      const std::string mangled = "_Z" + std::to_string(name.size()) + name + "v";
      std::ofstream(pages / "refs" / mangled) << path.filename().string() << "\n";
    }
  }
  if (!found) std::cerr << "no file of the compile commands is there\n";
  return found ? 0 : 1;
}
