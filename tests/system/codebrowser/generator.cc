// codebrowser_generator -b DIRECTORY -a -o OUTPUT [-d DATA] -p NAME:SOURCE[:REVISION]…
//
// Pages of the functions that Clang finds: OUTPUT/NAME/FILE.html, OUTPUT/refs/SYMBOL with the
// places of a function, and OUTPUT/fileIndex with the pages' names. DATA is where pages find
// styles and scripts. One that begins with a dot is relative to OUTPUT; any other stands in the
// pages as it is, and so is relative to each page.
#include <clang/AST/ASTConsumer.h>
#include <clang/AST/Mangle.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/FrontendActions.h>
#include <clang/Tooling/CompilationDatabase.h>
#include <clang/Tooling/Tooling.h>
#include <llvm/Support/CommandLine.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace cl = llvm::cl;
namespace fs = std::filesystem;

static cl::opt<std::string> build("b", cl::desc("where compile_commands.json is"), cl::Required);
static cl::opt<std::string> output("o", cl::desc("where the pages go"), cl::Required);
static cl::list<std::string> projects("p", cl::desc("NAME:SOURCE[:REVISION]"));
static cl::opt<std::string> data("d", cl::desc("where styles and scripts are"), cl::init("../data"));
static cl::opt<bool> all("a", cl::desc("all files of the database"));

static std::set<std::string> written;

// The path of a file in the pages, or nothing when it is of no project.
static std::string page(const std::string& file) {
  for (const std::string& project : projects) {
    const auto name = project.substr(0, project.find(':'));
    auto source = project.substr(name.size() + 1);
    source = source.substr(0, source.find(':'));
    if (file.rfind(source + "/", 0) == 0) return name + file.substr(source.size());
  }
  return "";
}

static std::string data_of(const std::string& page) {
  std::string path = data;
  if (path[0] == '.')
    for (char c : page)
      if (c == '/') path.insert(0, "../");
  return path;
}

class Functions : public clang::RecursiveASTVisitor<Functions> {
 public:
  explicit Functions(clang::ASTContext& context) : context_(context), names_(context) {}

  bool VisitFunctionDecl(clang::FunctionDecl* function) {
    note(function, function->getLocation(), "dec");
    return true;
  }

  bool VisitDeclRefExpr(clang::DeclRefExpr* use) {
    if (auto* function = llvm::dyn_cast<clang::FunctionDecl>(use->getDecl()))
      note(function, use->getLocation(), "use");
    return true;
  }

 private:
  void note(const clang::FunctionDecl* function, clang::SourceLocation at, const char* tag) {
    const auto& sources = context_.getSourceManager();
    const auto place = sources.getExpansionLoc(at);
    const auto file = sources.getFileEntryRefForID(sources.getFileID(place));
    if (!file) return;
    const std::string name = file->getFileEntry().tryGetRealPathName().str();
    const std::string where = page(name);
    if (where.empty()) return;
    fs::create_directories(output + "/refs");
    std::ofstream(output + "/refs/" + names_.getName(function), std::ios::app)
        << "<" << tag << " f='" << where << "' l='" << sources.getSpellingLineNumber(place)
        << "'/>\n";
    if (!written.insert(where).second) return;
    const fs::path html = output + "/" + where + ".html";
    fs::create_directories(html.parent_path());
    std::ofstream(html) << "<link rel=\"stylesheet\" href=\"" << data_of(where)
                        << "/qtcreator.css\"/>\n<pre>\n"
                        << std::ifstream(name).rdbuf() << "</pre>\n";
    std::ofstream(output + "/fileIndex", std::ios::app) << where << "\n";
  }

  clang::ASTContext& context_;
  clang::ASTNameGenerator names_;
};

struct Consumer : clang::ASTConsumer {
  void HandleTranslationUnit(clang::ASTContext& context) override {
    Functions(context).TraverseDecl(context.getTranslationUnitDecl());
  }
};

struct Action : clang::SyntaxOnlyAction {
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance&,
                                                        llvm::StringRef) override {
    return std::make_unique<Consumer>();
  }
};

int main(int argc, char** argv) {
  cl::ParseCommandLineOptions(argc, const_cast<const char**>(argv));
  std::string problem;
  auto database = clang::tooling::CompilationDatabase::loadFromDirectory(build.getValue(), problem);
  if (!database || !all) {
    llvm::errs() << (problem.empty() ? "nothing to do" : problem) << "\n";
    return 1;
  }
  clang::tooling::ClangTool tool(*database, database->getAllFiles());
  tool.appendArgumentsAdjuster(clang::tooling::getInsertArgumentAdjuster(
      {"-resource-dir", RESOURCES}, clang::tooling::ArgumentInsertPosition::BEGIN));
  tool.run(clang::tooling::newFrontendActionFactory<Action>().get());
  return written.empty();
}
