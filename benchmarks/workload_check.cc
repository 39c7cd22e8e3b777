#include "benchmarks/workload_check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/status.h"
#include "sluice.h"

namespace sluice::benchmarks {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double RelativeDifference(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return kInfinity;
  if (a.dtype() != DType::kFloat) return a.empty_handle() || BitEqual(a, b) ? 0 : kInfinity;
  double difference = 0, largest = 0;
  for (int64_t i = 0; i < a.num_elements(); ++i) {
    const double x = a.data<float>()[i], y = b.data<float>()[i];
    if (!std::isfinite(x) || !std::isfinite(y)) return kInfinity;
    difference = std::max(difference, std::abs(x - y));
    largest = std::max(largest, std::abs(y));
  }
  return difference == 0 ? 0 : difference / largest;
}

absl::StatusOr<Session> Start(const Workload& w, const SessionOptions& options) {
  SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(*w.graph, options));
  if (!w.init.empty()) SLUICE_RETURN_IF_ERROR(session.Run(w.init));
  return session;
}

}  // namespace

void Difference::Add(const std::string& name, const Tensor& a, const Tensor& b) {
  const double found = RelativeDifference(a, b);
  if (found <= relative) return;
  relative = found;
  where = name;
}

absl::StatusOr<WorkloadDifference> Compare(const Workload& workload, const SessionOptions& a,
                                           const SessionOptions& b, int runs) {
  SLUICE_ASSIGN_OR_RETURN(Session first, Start(workload, a));
  SLUICE_ASSIGN_OR_RETURN(Session second, Start(workload, b));
  WorkloadDifference result;
  const auto compare = [&](const Feeds& feeds, const Outputs& fetches,
                           Difference* difference) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(const std::vector<Tensor> x, first.Run(feeds, fetches));
    SLUICE_ASSIGN_OR_RETURN(const std::vector<Tensor> y, second.Run(feeds, fetches));
    for (size_t i = 0; i < x.size(); ++i) difference->Add(fetches[i].name(), x[i], y[i]);
    return absl::OkStatus();
  };
  for (int run = 0; run < runs; ++run) {
    SLUICE_RETURN_IF_ERROR(compare(workload.feeds[static_cast<size_t>(run) % workload.feeds.size()],
                                   workload.fetches, &result.results));
  }
  Outputs values;
  for (const Variable& v : workload.graph->GlobalVariables()) values.push_back(v.value());
  if (!values.empty()) SLUICE_RETURN_IF_ERROR(compare({}, values, &result.variables));
  return result;
}

}  // namespace sluice::benchmarks
