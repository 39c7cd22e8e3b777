#include "session/arena_pool.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "core/status.h"
#include "glog/logging.h"

namespace sluice {

ArenaPool::Block* ArenaPool::BlockOf(const ArenaUser* user) {
  for (const auto& block : blocks_) {
    if (absl::c_linear_search(block->users, user)) return block.get();
  }
  return nullptr;
}

ArenaPool::Block* ArenaPool::SmallestFree(int64_t bytes) {
  Block* best = nullptr;
  for (const auto& block : blocks_) {
    if (block->busy || block->buffer->bytes() < bytes) continue;
    if (best == nullptr || block->buffer->bytes() < best->buffer->bytes()) best = block.get();
  }
  return best;
}

void ArenaPool::DropLargestFree() {
  auto largest = blocks_.end();
  for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
    if ((*block)->busy) continue;
    if (largest == blocks_.end() || (*block)->buffer->bytes() > (*largest)->buffer->bytes()) {
      largest = block;
    }
  }
  if (largest == blocks_.end()) return;
  for (ArenaUser* user : (*largest)->users) user->LeaveArena();
  blocks_.erase(largest);
}

void ArenaPool::RemoveUser(ArenaUser* user) {
  for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
    std::vector<ArenaUser*>& users = (*block)->users;
    const auto at = absl::c_find(users, user);
    if (at == users.end()) continue;
    users.erase(at);
    if (users.empty() && !(*block)->busy) blocks_.erase(block);
    return;
  }
}

absl::StatusOr<BufferRef> ArenaPool::Take(ArenaUser* user, int64_t bytes, bool* fresh) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Block* block = BlockOf(user);
  *fresh = block == nullptr || block->busy;
  if (!*fresh) {
    block->busy = true;
    return block->buffer;
  }
  if (block != nullptr) {
    user->LeaveArena();
    RemoveUser(user);
  }
  block = SmallestFree(bytes);
  if (block == nullptr) {
    DropLargestFree();  // all that are free are too small
    SLUICE_ASSIGN_OR_RETURN(BufferRef buffer, Buffer::Make(DType::kUint8, bytes, budget_));
    block = blocks_.emplace_back(std::make_unique<Block>()).get();
    block->buffer = std::move(buffer);
  }
  block->busy = true;
  block->users.push_back(user);
  return block->buffer;
}

void ArenaPool::GiveBack(ArenaUser* user) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Block* block = BlockOf(user);
  CHECK(block != nullptr && block->busy);
  block->busy = false;
}

void ArenaPool::Leave(ArenaUser* user) {
  const std::lock_guard<std::mutex> lock(mutex_);
  RemoveUser(user);
}

}  // namespace sluice
