#include "tools/sluice/svg_layout.h"

#include <graphviz/cgraph.h>
#include <graphviz/gvc.h>

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"

namespace sluice::tools {
namespace {

// What Graphviz says while it works; it can only tell a function.
std::string& Complaints() {
  static std::string& complaints = *new std::string;
  return complaints;
}
int Complain(char* text) {
  if (Complaints().size() < 1000) Complaints() += text;
  return 0;
}

absl::Status Failed(const char* what) {
  return absl::FailedPreconditionError(
      absl::StrCat("Graphviz ", what, Complaints().empty() ? "" : ": ", Printable(Complaints())));
}

// Graphviz 2.42 frees memory twice when it clears up a layout in which an edge between two boxes of
// the first row has a label, and reads freed names of fonts in a second context. So there is one
// context, and layouts stay: a command makes one picture.
GVC_t* Context() {
  static GVC_t* const context = gvContext();
  return context;
}
void Keep(Agraph_t* graph) {
  static std::vector<Agraph_t*>& graphs = *new std::vector<Agraph_t*>;
  graphs.push_back(graph);
}

}  // namespace

absl::StatusOr<std::string> RenderSvg(const std::string& dot) {
  Complaints().clear();
  agseterrf(Complain);
  agseterr(AGERR);
  GVC_t* const context = Context();
  if (context == nullptr) return Failed("does not start");
  Agraph_t* const graph = agmemread(dot.c_str());
  if (graph == nullptr) return Failed("does not read our dot text");
  Keep(graph);
  if (gvLayout(context, graph, "dot") != 0)
    return Failed("cannot lay out the picture (is the package libgvc6 whole?)");
  char* data = nullptr;
  unsigned int size = 0;
  const int failed = gvRenderData(context, graph, "svg", &data, &size);
  std::string svg = failed == 0 && data != nullptr ? std::string(data, size) : "";
  if (data != nullptr) gvFreeRenderData(data);
  if (svg.empty()) return Failed("cannot write SVG");
  return svg;
}

}  // namespace sluice::tools
