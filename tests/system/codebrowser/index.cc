// codebrowser_indexgenerator OUTPUT [-d DATA] [-p NAME:SOURCE[:REVISION]]…
//
// OUTPUT/index.html and one in each of its folders, from OUTPUT/fileIndex. DATA is as in the
// generator.
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <string>

int main(int argc, char** argv) {
  std::string root, data = "../data";
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if ((word == "-d" || word == "-p" || word == "-e") && i + 1 < argc) {
      if (word == "-d") data = argv[i + 1];
      ++i;
    } else {
      root = root.empty() ? word : "";
    }
  }
  if (root.empty()) {
    std::cerr << "Usage: " << argv[0] << " <path> [-d data_url] [-p project_definition]\n";
    return 1;
  }
  std::map<std::string, std::set<std::string>> folders;
  std::ifstream names(root + "/fileIndex");
  for (std::string name; std::getline(names, name);)
    for (auto slash = name.rfind('/'); slash != std::string::npos; slash = name.rfind('/', slash - 1)) {
      folders[name.substr(0, slash)].insert(name);
      folders[""].insert(name);
    }
  for (const auto& [folder, pages] : folders) {
    std::string path = data;
    if (path[0] == '.' && !folder.empty()) {
      path.insert(0, "../");
      for (char c : folder)
        if (c == '/') path.insert(0, "../");
    }
    std::ofstream index(root + "/" + folder + "/index.html");
    index << "<link rel=\"stylesheet\" href=\"" << path << "/indexstyle.css\"/>\n";
    for (const auto& page : pages) index << "<a href='/" << page << ".html'>" << page << "</a>\n";
  }
  return 0;
}
