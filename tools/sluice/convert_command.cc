// sluice convert: files of tensors from one format to another, messages between text and binary.
#include <algorithm>
#include <cstdio>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/file.h"
#include "core/status.h"
#include "tools/sluice/command_line.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/convert_message.h"
#include "tools/sluice/graph_job.h"
#include "train/tensor_file.h"

namespace sluice::tools {
namespace {

using train::TensorFile;
using train::TensorFileKind;

// What TensorFlow 2 keeps beside the variables: how its objects hang together. It is a string, and
// nothing outside TensorFlow reads it.
constexpr char kObjectGraph[] = "_CHECKPOINTABLE_OBJECT_GRAPH";

// The tensors to write: all but those to be skipped, which must be there.
absl::StatusOr<std::vector<BundleTensor>> Selected(const TensorFile& file, TensorFileKind to,
                                                   const std::vector<std::string>& skip) {
  std::set<std::string> skipped(skip.begin(), skip.end());
  std::vector<BundleTensor> tensors;
  for (const BundleTensor& tensor : file.entries()) {
    if (skipped.erase(tensor.name) > 0) continue;
    if (tensor.name == kObjectGraph && tensor.dtype == DType::kString &&
        to != TensorFileKind::kCheckpoint) {
      std::fprintf(stderr, "sluice: left out %s, a string, which %s cannot hold\n", kObjectGraph,
                   std::string(train::TensorFileKindName(to)).c_str());
      continue;
    }
    tensors.push_back(tensor);
  }
  if (skipped.empty()) return tensors;
  return absl::NotFoundError(
      absl::StrCat("--skip ", Printable(*skipped.begin()), ": there is no such tensor"));
}

absl::Status ConvertTensors(const std::string& in, const std::string& out,
                            const std::vector<std::string>& skip) {
  SLUICE_ASSIGN_OR_RETURN(const TensorFile file, TensorFile::Open(in));
  const TensorFileKind to = train::TensorFileKindOf(out);
  SLUICE_ASSIGN_OR_RETURN(const std::vector<BundleTensor> tensors, Selected(file, to, skip));
  const absl::Status fits = train::CheckTensors(to, tensors);
  if (!fits.ok()) {
    return absl::Status(fits.code(),
                        absl::StrCat(absl::CHexEscape(in), " -> ", absl::CHexEscape(out), ": ",
                                     fits.message(), " (--skip leaves it out)"));
  }
  const auto metadata = file.metadata();
  if (!metadata.empty() && to != TensorFileKind::kSafetensors) {
    std::fprintf(stderr, "sluice: left out the metadata, which %s cannot hold\n",
                 std::string(train::TensorFileKindName(to)).c_str());
  }
  const auto source = [&](const BundleTensor& tensor) { return file.GetTensor(tensor.name); };
  SLUICE_RETURN_IF_ERROR(
      train::WriteTensorFile(FileSystem::Default(), out, tensors, source, metadata));
  std::printf("%zu tensors to %s %s\n", tensors.size(),
              std::string(train::TensorFileKindName(to)).c_str(), absl::CHexEscape(out).c_str());
  return absl::OkStatus();
}

// The message in the directory of a SavedModel; else the path itself.
std::string MessageIn(const std::string& path) {
  FileSystem& fs = FileSystem::Default();
  if (!fs.IsDirectory(path)) return path;
  for (const char* name : {"saved_model.pb", "saved_model.pbtxt"}) {
    if (fs.Exists(JoinPath(path, name))) return JoinPath(path, name);
  }
  return path;
}

}  // namespace

absl::Status ConvertCommand(const std::vector<std::string>& args) {
  const absl::StatusOr<CommandLine> line =
      CommandLine::Parse(args, GraphJob::WithLimits({{"skip", true, true}}));
  if (!line.ok()) return UsageError(line.status().message());
  if (line->positional().size() != 2) {
    return UsageError(
        absl::StrCat("expected IN and OUT, got ", line->positional().size(), " arguments"));
  }
  SLUICE_RETURN_IF_ERROR(GraphJob::ReadLimits(*line).status());
  const std::string& out = line->positional()[1];
  const bool to_message = IsMessagePath(out);
  const std::string in = to_message ? MessageIn(line->positional()[0]) : line->positional()[0];
  if (to_message != IsMessagePath(in)) {
    return UsageError(absl::StrCat(
        absl::CHexEscape(in), " holds ", to_message ? "tensors" : "a graph", " by its name, ",
        absl::CHexEscape(out), " would hold ", to_message ? "a graph" : "tensors"));
  }
  if (to_message && line->Has("skip")) return UsageError("--skip is for tensors");
  return to_message ? ConvertMessage(in, out) : ConvertTensors(in, out, line->All("skip"));
}

}  // namespace sluice::tools
