#include "tools/sluice/svg_layout.h"

#include <graphviz/cgraph.h>
#include <graphviz/gvc.h>

#include <memory>

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

struct FreeContext {
  void operator()(GVC_t* context) const { gvFreeContext(context); }
};
struct CloseGraph {
  void operator()(Agraph_t* graph) const { agclose(graph); }
};

}  // namespace

absl::StatusOr<std::string> RenderSvg(const std::string& dot) {
  Complaints().clear();
  agseterrf(Complain);
  agseterr(AGERR);
  const std::unique_ptr<GVC_t, FreeContext> context(gvContext());
  if (context == nullptr) return Failed("does not start");
  const std::unique_ptr<Agraph_t, CloseGraph> graph(agmemread(dot.c_str()));
  if (graph == nullptr) return Failed("does not read our dot text");
  if (gvLayout(context.get(), graph.get(), "dot") != 0)
    return Failed("cannot lay out the picture (is the package libgvc6 whole?)");
  char* data = nullptr;
  unsigned int size = 0;
  const int failed = gvRenderData(context.get(), graph.get(), "svg", &data, &size);
  std::string svg = failed == 0 && data != nullptr ? std::string(data, size) : "";
  if (data != nullptr) gvFreeRenderData(data);
  gvFreeLayout(context.get(), graph.get());
  if (svg.empty()) return Failed("cannot write SVG");
  return svg;
}

}  // namespace sluice::tools
