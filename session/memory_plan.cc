#include "session/memory_plan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "core/memory.h"

namespace sluice {
namespace {

// Largest first costs the square of the number.
constexpr size_t kMostForLargestFirst = 3000;

int64_t Aligned(int64_t bytes) {
  constexpr int64_t kUnit = kBufferAlignment;
  return (bytes + kUnit - 1) / kUnit * kUnit;
}

// Free blocks of a growing space, found by size and by place.
class FreeBlocks {
 public:
  // The smallest free block that holds `bytes`, the lowest of equals; else new space at the end.
  int64_t Take(int64_t bytes) {
    const auto fit = by_size_.lower_bound({bytes, 0});
    if (fit != by_size_.end()) {
      const auto [size, offset] = *fit;
      Remove(offset, size);
      if (size > bytes) Insert(offset + bytes, size - bytes);
      return offset;
    }
    int64_t offset = end_;
    if (!by_offset_.empty()) {
      const auto [last, size] = *by_offset_.rbegin();
      if (last + size == end_) {
        Remove(last, size);
        offset = last;
      }
    }
    end_ = offset + bytes;
    return offset;
  }

  void Give(int64_t offset, int64_t bytes) {
    auto after = by_offset_.lower_bound(offset);
    if (after != by_offset_.end() && after->first == offset + bytes) {
      bytes += after->second;
      Remove(after->first, after->second);
    }
    auto before = by_offset_.lower_bound(offset);
    if (before != by_offset_.begin() && (--before)->first + before->second == offset) {
      const auto [start, size] = *before;
      Remove(start, size);
      offset = start;
      bytes += size;
    }
    Insert(offset, bytes);
  }

  int64_t end() const { return end_; }

 private:
  void Insert(int64_t offset, int64_t size) {
    by_offset_.emplace(offset, size);
    by_size_.emplace(size, offset);
  }
  void Remove(int64_t offset, int64_t size) {
    by_offset_.erase(offset);
    by_size_.erase({size, offset});
  }
  std::map<int64_t, int64_t> by_offset_;
  std::set<std::pair<int64_t, int64_t>> by_size_;
  int64_t end_ = 0;
};

// Indices of the requests that take memory, ordered by `less`, then by index.
template <typename Less>
std::vector<int> Ordered(absl::Span<const MemoryRequest> requests, Less less) {
  std::vector<int> order;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].bytes > 0) order.push_back(static_cast<int>(i));
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return less(requests[a], requests[b]); });
  return order;
}

MemoryPlan BestFitInTime(absl::Span<const MemoryRequest> requests) {
  MemoryPlan plan;
  plan.offsets.assign(requests.size(), 0);
  const auto by_first = Ordered(
      requests, [](const MemoryRequest& a, const MemoryRequest& b) { return a.first < b.first; });
  const auto by_last = Ordered(
      requests, [](const MemoryRequest& a, const MemoryRequest& b) { return a.last < b.last; });
  FreeBlocks blocks;
  size_t ended = 0;
  for (int i : by_first) {
    for (; ended < by_last.size() && requests[by_last[ended]].last < requests[i].first; ++ended) {
      const int dead = by_last[ended];
      blocks.Give(plan.offsets[dead], Aligned(requests[dead].bytes));
    }
    plan.offsets[i] = blocks.Take(Aligned(requests[i].bytes));
  }
  plan.total = blocks.end();
  return plan;
}

MemoryPlan LargestFirst(absl::Span<const MemoryRequest> requests) {
  MemoryPlan plan;
  plan.offsets.assign(requests.size(), 0);
  const auto by_size = Ordered(
      requests, [](const MemoryRequest& a, const MemoryRequest& b) { return a.bytes > b.bytes; });
  std::vector<int> placed;  // by offset
  for (int i : by_size) {
    const int64_t bytes = Aligned(requests[i].bytes);
    int64_t best = -1, best_gap = 0, end = 0;
    for (int other : placed) {
      if (requests[other].last < requests[i].first || requests[i].last < requests[other].first) {
        continue;
      }
      const int64_t gap = plan.offsets[other] - end;
      if (gap >= bytes && (best < 0 || gap < best_gap)) {
        best = end;
        best_gap = gap;
      }
      end = std::max(end, plan.offsets[other] + Aligned(requests[other].bytes));
    }
    plan.offsets[i] = best >= 0 ? best : end;
    plan.total = std::max(plan.total, plan.offsets[i] + bytes);
    const auto place = std::upper_bound(placed.begin(), placed.end(), i, [&](int a, int b) {
      return plan.offsets[a] < plan.offsets[b];
    });
    placed.insert(place, i);
  }
  return plan;
}

MemoryPlan OneAfterAnother(absl::Span<const MemoryRequest> requests) {
  MemoryPlan plan;
  for (const MemoryRequest& request : requests) {
    plan.offsets.push_back(plan.total);
    plan.total += Aligned(request.bytes);
  }
  return plan;
}

}  // namespace

MemoryPlan PlanMemory(absl::Span<const MemoryRequest> requests, bool reuse) {
  if (!reuse) return OneAfterAnother(requests);
  MemoryPlan plan = BestFitInTime(requests);
  if (requests.size() > kMostForLargestFirst || plan.total == MemoryLowerBound(requests)) {
    return plan;
  }
  MemoryPlan other = LargestFirst(requests);
  return other.total < plan.total ? other : plan;
}

int64_t MemoryLowerBound(absl::Span<const MemoryRequest> requests) {
  std::map<int, int64_t> changes;  // of the live bytes, before each step
  for (const MemoryRequest& request : requests) {
    changes[request.first] += Aligned(request.bytes);
    changes[request.last + 1] -= Aligned(request.bytes);
  }
  int64_t live = 0, most = 0;
  for (const auto& [step, change] : changes) most = std::max(most, live += change);
  return most;
}

}  // namespace sluice
