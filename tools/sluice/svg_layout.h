// Dot text to pictures, by Graphviz in this process.
#ifndef SLUICE_TOOLS_SLUICE_SVG_LAYOUT_H_
#define SLUICE_TOOLS_SLUICE_SVG_LAYOUT_H_

#include <string>

#include "absl/status/statusor.h"

namespace sluice::tools {

// The SVG file of a dot text. FailedPrecondition, with Graphviz's own words, when its layout
// programs are not installed (the package libgvc6 brings them) or the text is not dot. Not
// thread-safe; the memory of a layout is not given back.
absl::StatusOr<std::string> RenderSvg(const std::string& dot);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_SVG_LAYOUT_H_
