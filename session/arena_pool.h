// The blocks of planned memory of a session. Plans that do not run at the same time use the same
// block, one after another: what is in it is lost between runs.
#ifndef SLUICE_SESSION_ARENA_POOL_H_
#define SLUICE_SESSION_ARENA_POOL_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/statusor.h"
#include "core/memory.h"

namespace sluice {

// Whoever has tensors in a block: told to let go of it when the block is given up for a larger one.
class ArenaUser {
 public:
  virtual ~ArenaUser() = default;
  // Drops every tensor in the block. Called while the user does not run, by any thread.
  virtual void LeaveArena() = 0;
};

// Thread-safe. Must outlive its users, and they must Leave() before they go.
class ArenaPool {
 public:
  explicit ArenaPool(std::shared_ptr<MemoryBudget> budget) : budget_(std::move(budget)) {}

  // A block for one run, no smaller than `bytes` and used by nobody else until GiveBack(). `fresh`
  // tells whether it is another one than the user had in its last run. ResourceExhausted when the
  // budget refuses.
  absl::StatusOr<BufferRef> Take(ArenaUser* user, int64_t bytes, bool* fresh);
  void GiveBack(ArenaUser* user);
  // The user is about to be destroyed, or wants no block any more. A block that nobody has goes.
  void Leave(ArenaUser* user);

 private:
  struct Block {
    BufferRef buffer;
    bool busy = false;
    std::vector<ArenaUser*> users;  // who have tensors in it
  };
  Block* BlockOf(const ArenaUser* user);
  Block* SmallestFree(int64_t bytes);
  void DropLargestFree();
  void RemoveUser(ArenaUser* user);

  const std::shared_ptr<MemoryBudget> budget_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Block>> blocks_;
};

}  // namespace sluice

#endif  // SLUICE_SESSION_ARENA_POOL_H_
