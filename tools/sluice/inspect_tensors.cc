// sluice inspect: files of tensors, that is checkpoints, .npz and .safetensors.
#include <cstdio>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/file.h"
#include "core/status.h"
#include "io/bundle_files.h"
#include "tools/sluice/inspect.h"
#include "tools/sluice/json.h"
#include "tools/sluice/scope_tree.h"
#include "train/tensor_file.h"

namespace sluice::tools {
namespace {

using train::CheckpointFormat;
using train::CheckpointReader;
using train::TensorFile;
using train::TensorFileKind;

// The last bytes of a sorted table, which a V1 checkpoint is.
constexpr absl::string_view kTableMagic("\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8);

bool IsTable(FileSystem& fs, const std::string& path) {
  const auto file = fs.Open(path);
  char end[kTableMagic.size()];
  constexpr auto kSize = static_cast<int64_t>(sizeof(end));
  return file.ok() && (*file)->size() >= kSize &&
         (*file)->Read((*file)->size() - kSize, kSize, end).ok() &&
         absl::string_view(end, sizeof(end)) == kTableMagic;
}

std::string FormatName(const TensorFile& file) {
  if (const CheckpointReader* reader = file.checkpoint())
    return reader->format() == CheckpointFormat::kV1 ? "checkpoint_v1" : "checkpoint";
  return file.kind() == TensorFileKind::kNpz ? "npz" : "safetensors";
}

std::string SlicesText(const BundleTensor& tensor) {
  return absl::StrJoin(tensor.slices, " ", [](std::string* out, const TensorSlice& slice) {
    absl::StrAppend(out, slice.ToString());
  });
}

void PrintTensors(const std::string& path, const TensorFile& file,
                  const std::vector<Entry>& tensors) {
  if (const CheckpointReader* reader = file.checkpoint()) {
    std::printf("checkpoint %s%s: %zu tensors in %d file%s\n",
                absl::CHexEscape(reader->path()).c_str(),
                reader->format() == CheckpointFormat::kV1 ? " (version 1)" : "", tensors.size(),
                reader->num_files(), reader->num_files() == 1 ? "" : "s");
  } else {
    std::printf("%s file %s: %zu tensors\n", FormatName(file).c_str(),
                absl::CHexEscape(path).c_str(), tensors.size());
  }
  for (const auto& [key, value] : file.metadata())
    std::printf("  %s: %s\n", Printable(key).c_str(), Printable(value).c_str());
  PrintTree("tensors", tensors);
  bool title = false;
  for (const BundleTensor& tensor : file.entries()) {
    if (tensor.slices.empty()) continue;
    if (!std::exchange(title, true)) std::printf("\nsaved in parts\n");
    std::printf("  %s  %zu slices: %s\n", Printable(tensor.name).c_str(), tensor.slices.size(),
                SlicesText(tensor).c_str());
  }
  std::printf("\nelements: %lld\n", static_cast<long long>(CountElements(tensors)));
}

std::string TensorsJson(const TensorFile& file, const std::vector<Entry>& tensors) {
  Json list = Json::Array(), metadata = Json::Object();
  for (const BundleTensor& tensor : file.entries()) {
    Json one = Json::Object();
    one.Set("name", tensor.name).Set("dtype", DTypeName(tensor.dtype));
    one.Set("shape", ShapeJson(tensor.shape));
    Json slices = Json::Array();
    for (const TensorSlice& slice : tensor.slices) slices.Add(slice.ToString());
    if (!tensor.slices.empty()) one.Set("slices", slices);
    list.Add(one);
  }
  for (const auto& [key, value] : file.metadata()) metadata.Set(key, value);
  Json all = Json::Object();
  all.Set("tensors", list).Set("parameters", CountElements(tensors));
  all.Set("scopes", ScopesJson(tensors)).Set("format", FormatName(file));
  if (file.kind() == TensorFileKind::kSafetensors) all.Set("metadata", metadata);
  return all.text();
}

}  // namespace

bool HoldsTensors(const std::string& path) {
  FileSystem& fs = FileSystem::Default();
  if (train::TensorFileKindOf(path) != TensorFileKind::kCheckpoint) return fs.Exists(path);
  if (BundleExists(fs, train::BundlePrefixOf(path))) return true;
  if (fs.IsDirectory(path)) return fs.Exists(JoinPath(path, "checkpoint"));
  if (fs.Exists(path)) return IsTable(fs, path);
  // Shards of a V1 checkpoint, perhaps not all of them.
  return !absl::IsNotFound(CheckpointReader::Open(path, fs).status());
}

absl::Status InspectTensors(const std::string& path, bool json) {
  SLUICE_ASSIGN_OR_RETURN(const TensorFile file, TensorFile::Open(path));
  // A file whose data is missing or damaged is refused, not listed.
  SLUICE_RETURN_IF_ERROR(file.VerifyAll());
  std::vector<Entry> tensors;
  for (const BundleTensor& t : file.entries()) tensors.push_back({t.name, t.dtype, t.shape});
  if (json) {
    std::printf("%s\n", TensorsJson(file, tensors).c_str());
  } else {
    PrintTensors(path, file, tensors);
  }
  return absl::OkStatus();
}

}  // namespace sluice::tools
