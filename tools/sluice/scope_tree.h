// Tensors listed by the scopes in their names.
#ifndef SLUICE_TOOLS_SLUICE_SCOPE_TREE_H_
#define SLUICE_TOOLS_SLUICE_SCOPE_TREE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/tensor_shape.h"
#include "tools/sluice/json.h"

namespace sluice::tools {

// One variable, placeholder or tensor.
struct Entry {
  std::string name;
  DType dtype = DType::kInvalid;
  TensorShape shape;
};

// Elements of all of them; none where the shape is not known.
int64_t CountElements(const std::vector<Entry>& entries);

// "net", "net/conv1", ...: how many elements lie below each scope. Scopes below the 64th stay part
// of the names in that one.
std::map<std::string, int64_t> CountByScope(const std::vector<Entry>& entries);

// Scopes and entries by name, a line each, indented by depth:
//   net/  832 parameters
//     conv1/  832 parameters
//       bias  float32[32]
//       kernel  float32[5,5,1,32]
void PrintTree(const char* title, const std::vector<Entry>& entries);

// [{"name": "x", "dtype": "float32", "shape": [-1, 4]}]
Json EntriesJson(const std::vector<Entry>& entries);

// {"net": 832, "net/conv1": 832}
Json ScopesJson(const std::vector<Entry>& entries);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_SCOPE_TREE_H_
