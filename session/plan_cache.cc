#include "session/plan_cache.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/status.h"
#include "core/threads.h"
#include "session/compiler.h"
#include "session/describe_program.h"
#include "session/layout.h"
#include "session/preflight.h"

namespace sluice {

PlanCache::Lease::~Lease() {
  if (plan_ == nullptr) return;
  const std::lock_guard<std::mutex> lock(cache_->mutex_);
  if (entry_->idle.size() < kMostIdle) {
    entry_->idle.push_back(std::move(plan_));
  } else {
    --entry_->made;  // after a burst of concurrent runs; plan_ goes once the lock is gone
  }
}

std::shared_ptr<PlanCache::Entry> PlanCache::Find(uint64_t hash, const Request& request) const {
  const auto found = entries_.find(hash);
  if (found == entries_.end()) return nullptr;
  for (const std::shared_ptr<Entry>& entry : found->second) {
    if (entry->signature.Matches(request)) return entry;
  }
  return nullptr;
}

absl::StatusOr<PlanCache::Lease> PlanCache::Acquire(const Request& request) {
  const uint64_t hash = HashRequest(request);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::shared_ptr<Entry> entry = Find(hash, request);
    if (entry != nullptr && !entry->idle.empty()) {
      entry->last_use = ++clock_;
      std::unique_ptr<Plan> plan = std::move(entry->idle.back());
      entry->idle.pop_back();
      return Lease(this, std::move(entry), std::move(plan));
    }
  }
  absl::StatusOr<std::unique_ptr<Plan>> plan = MakePlan(request);
  if (absl::IsResourceExhausted(plan.status())) {
    std::vector<std::unique_ptr<Plan>> given_up = TakeIdle();
    if (given_up.empty()) return plan.status();
    given_up.clear();
    plan = MakePlan(request);
  }
  if (!plan.ok()) return plan.status();

  std::vector<std::shared_ptr<Entry>> evicted;  // destroyed after the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  std::shared_ptr<Entry> entry = Find(hash, request);
  if (entry == nullptr) {
    evicted = EvictOldest();
    entry = std::make_shared<Entry>(request);
    entries_[hash].push_back(entry);
    ++signatures_;
  }
  entry->last_use = ++clock_;
  entry->idle.reserve(++entry->made);
  return Lease(this, std::move(entry), *std::move(plan));
}

absl::StatusOr<std::unique_ptr<Plan>> PlanCache::MakePlan(const Request& request) {
  const ThreadBudget all(session_.threads);
  SLUICE_RETURN_IF_ERROR(graph_.status());
  SLUICE_RETURN_IF_ERROR(CheckRequest(graph_, request));
  SLUICE_RETURN_IF_ERROR(CheckBeforeTraining(graph_, session_, request));
  SLUICE_ASSIGN_OR_RETURN(Program program, MakeProgram(request));
  return Plan::Make(session_, std::move(program));
}

absl::StatusOr<Program> PlanCache::MakeProgram(const Request& request) {
  SLUICE_ASSIGN_OR_RETURN(const std::optional<LoweredRequest> lowered, lowered_.Lower(request));
  if (!lowered.has_value()) return Compile(session_, request);
  const Request in_lowered = lowered->request();
  SLUICE_RETURN_IF_ERROR(CheckRequest(*lowered->graph->graph, in_lowered));
  SLUICE_ASSIGN_OR_RETURN(Program program, Compile(session_, in_lowered));
  program.keeps = lowered->graph;
  return program;
}

absl::StatusOr<PlanDescription> PlanCache::Describe(const Request& request) {
  SLUICE_RETURN_IF_ERROR(graph_.status());
  SLUICE_RETURN_IF_ERROR(CheckRequest(graph_, request));
  const ThreadBudget all(session_.threads);
  SLUICE_ASSIGN_OR_RETURN(const Program program, MakeProgram(request));
  return DescribeProgram(program, PlanLayout(program, session_.optimize));
}

std::vector<std::shared_ptr<PlanCache::Entry>> PlanCache::EvictOldest() {
  std::vector<std::shared_ptr<Entry>> evicted;
  while (signatures_ >= kMostSignatures) {
    auto oldest_list = entries_.end();
    size_t oldest = 0;
    for (auto list = entries_.begin(); list != entries_.end(); ++list) {
      for (size_t i = 0; i < list->second.size(); ++i) {
        if (oldest_list == entries_.end() ||
            list->second[i]->last_use < oldest_list->second[oldest]->last_use) {
          oldest_list = list;
          oldest = i;
        }
      }
    }
    evicted.push_back(std::move(oldest_list->second[oldest]));
    oldest_list->second.erase(oldest_list->second.begin() + static_cast<std::ptrdiff_t>(oldest));
    if (oldest_list->second.empty()) entries_.erase(oldest_list);
    --signatures_;
  }
  return evicted;
}

std::vector<std::unique_ptr<Plan>> PlanCache::TakeIdle() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::unique_ptr<Plan>> taken;
  for (auto& [hash, list] : entries_) {
    for (const std::shared_ptr<Entry>& entry : list) {
      entry->made -= static_cast<int>(entry->idle.size());
      for (auto& plan : entry->idle) taken.push_back(std::move(plan));
      entry->idle.clear();
    }
  }
  return taken;
}

}  // namespace sluice
