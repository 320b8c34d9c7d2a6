// codebrowser_indexgenerator OUTPUT
#include <filesystem>
#include <fstream>

int main(int argc, char** argv) {
  if (argc != 2) return 1;
  std::ofstream index(std::filesystem::path(argv[1]) / "index.html");
  index << "<ul>\n";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[1]))
    if (entry.path().extension() == ".html") index << "<li>" << entry.path().filename() << "\n";
  return 0;
}
