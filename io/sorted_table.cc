#include "io/sorted_table.h"

#include <snappy.h>

#include <cstddef>
#include <limits>

#include "absl/strings/string_view.h"
#include "core/status.h"
#include "io/coding.h"
#include "io/crc32c.h"
#include "leveldb/env.h"
#include "leveldb/options.h"
#include "leveldb/table_builder.h"

namespace sluice {
namespace {

constexpr uint64_t kMagic = 0xdb4775248b80fb57u;
constexpr size_t kFooterBytes = 48;         // two block handles, zero padding, magic number
constexpr size_t kTrailerBytes = 5;         // of a block: compression type, checksum
constexpr size_t kSnappyMaxExpansion = 32;  // the format's densest code makes 64 bytes from 3

struct BlockHandle {
  uint64_t offset = 0;
  uint64_t size = 0;  // without the trailer
};

bool ConsumeHandle(absl::string_view* bytes, BlockHandle* handle) {
  return ConsumeVarint64(bytes, &handle->offset) && ConsumeVarint64(bytes, &handle->size);
}

absl::Status Damage(absl::string_view what) { return absl::DataLossError(what); }

// The entries of one block, walked in order; checks everything that it passes.
class BlockCursor {
 public:
  // `block` must outlive the cursor.
  static absl::StatusOr<BlockCursor> Make(absl::string_view block) {
    if (block.size() < 4) return Damage("block without restart points");
    const uint64_t restarts = DecodeFixed32(block.data() + block.size() - 4);
    const uint64_t room = (block.size() - 4) / 4;
    if (restarts == 0 || restarts > room) {
      return Damage(
          absl::StrCat("block of ", block.size(), " bytes claims ", restarts, " restart points"));
    }
    BlockCursor cursor(block, block.size() - 4 - 4 * restarts, restarts);
    if (cursor.RestartOffset(0) != 0) return Damage("first entry of a block is no restart point");
    return cursor;
  }

  // True with the next entry in key() and value(); false at the end of the block.
  absl::StatusOr<bool> Next() {
    if (position_ == entries_end_) return AtEnd();
    absl::string_view rest = block_.substr(position_, entries_end_ - position_);
    uint32_t shared = 0, unshared = 0, value_size = 0;
    if (!ConsumeVarint32(&rest, &shared) || !ConsumeVarint32(&rest, &unshared) ||
        !ConsumeVarint32(&rest, &value_size) || shared > key_.size() || unshared > rest.size() ||
        value_size > rest.size() - unshared) {
      return Damage(absl::StrCat("malformed entry at byte ", position_, " of its block"));
    }
    if (next_restart_ < restarts_ && RestartOffset(next_restart_) == position_) {
      if (shared != 0) return Damage("restart point inside a run of shared keys");
      ++next_restart_;
    }
    key_.resize(shared);
    key_.append(rest.data(), unshared);
    value_ = rest.substr(unshared, value_size);
    position_ = static_cast<size_t>(value_.data() + value_size - block_.data());
    return true;
  }

  const std::string& key() const { return key_; }
  absl::string_view value() const { return value_; }

 private:
  BlockCursor(absl::string_view block, size_t entries_end, uint64_t restarts)
      : block_(block), entries_end_(entries_end), restarts_(restarts) {}

  uint32_t RestartOffset(uint64_t i) const {
    return DecodeFixed32(block_.data() + entries_end_ + 4 * i);
  }

  // Every restart point was an entry. (An empty block has one, at 0.)
  absl::StatusOr<bool> AtEnd() const {
    const bool empty = entries_end_ == 0 && restarts_ == 1;
    if (next_restart_ != restarts_ && !empty) return Damage("restart point that is no entry");
    return false;
  }

  absl::string_view block_;
  size_t entries_end_;
  uint64_t restarts_;
  uint64_t next_restart_ = 0;
  size_t position_ = 0;
  std::string key_;
  absl::string_view value_;
};

// One table, wholly in memory.
class TableParser {
 public:
  explicit TableParser(absl::string_view file) : file_(file) {}

  absl::StatusOr<std::vector<TableEntry>> Parse() {
    BlockHandle metaindex, index;
    SLUICE_RETURN_IF_ERROR(ParseFooter(&metaindex, &index));
    std::string unused_memory, index_memory;
    SLUICE_RETURN_IF_ERROR(Block(metaindex, &unused_memory).status());
    SLUICE_ASSIGN_OR_RETURN(absl::string_view index_block, Block(index, &index_memory));
    SLUICE_ASSIGN_OR_RETURN(BlockCursor cursor, BlockCursor::Make(index_block));
    while (true) {
      SLUICE_ASSIGN_OR_RETURN(const bool more, cursor.Next());
      if (!more) return std::move(entries_);
      absl::string_view value = cursor.value();
      BlockHandle handle;
      if (!ConsumeHandle(&value, &handle) || !value.empty()) {
        return Damage("malformed block handle in the index");
      }
      SLUICE_RETURN_IF_ERROR(ParseDataBlock(handle, cursor.key()));
    }
  }

 private:
  absl::Status ParseFooter(BlockHandle* metaindex, BlockHandle* index) {
    if (file_.size() < kFooterBytes) {
      return Damage(absl::StrCat("torn: ", file_.size(), " bytes cannot be a table"));
    }
    absl::string_view footer = file_.substr(file_.size() - kFooterBytes);
    if (DecodeFixed64(footer.data() + kFooterBytes - 8) != kMagic) {
      return Damage("torn or not a table: wrong magic number at the end");
    }
    footer.remove_suffix(8);
    absl::string_view rest = footer;
    if (!ConsumeHandle(&rest, metaindex) || !ConsumeHandle(&rest, index)) {
      return Damage("malformed footer");
    }
    // No checksum covers the footer: it must be what a writer makes of these handles, to the bit.
    std::string exact;
    for (const BlockHandle& handle : {*metaindex, *index}) {
      AppendVarint64(&exact, handle.offset);
      AppendVarint64(&exact, handle.size);
    }
    exact.resize(footer.size());
    if (exact != footer) return Damage("malformed footer");
    return absl::OkStatus();
  }

  // The contents of a block: in the file, or uncompressed into `memory`.
  absl::StatusOr<absl::string_view> Block(const BlockHandle& handle, std::string* memory) {
    const uint64_t end = file_.size() - kFooterBytes;
    if (end < kTrailerBytes || handle.size > end - kTrailerBytes ||
        handle.offset > end - kTrailerBytes - handle.size) {
      return Damage(absl::StrCat("block handle (", handle.offset, ", ", handle.size,
                                 ") points outside the file of ", file_.size(), " bytes"));
    }
    const absl::string_view contents = file_.substr(handle.offset, handle.size);
    const char* trailer = contents.data() + contents.size();
    if (crc32c::Mask(crc32c::Value({contents.data(), contents.size() + 1})) !=
        DecodeFixed32(trailer + 1)) {
      return Damage(absl::StrCat("wrong checksum of the block at offset ", handle.offset));
    }
    if (*trailer == leveldb::kNoCompression) return contents;
    if (*trailer == leveldb::kSnappyCompression) return Uncompress(contents, memory);
    return Damage(absl::StrCat("unknown compression ", static_cast<uint8_t>(*trailer)));
  }

  absl::StatusOr<absl::string_view> Uncompress(absl::string_view contents, std::string* memory) {
    size_t size = 0;
    if (!snappy::GetUncompressedLength(contents.data(), contents.size(), &size) ||
        size / kSnappyMaxExpansion > contents.size()) {
      return Damage("malformed Snappy block");
    }
    SLUICE_RETURN_IF_ERROR(Charge(size));
    memory->resize(size);
    if (!snappy::RawUncompress(contents.data(), contents.size(), memory->data())) {
      return Damage("malformed Snappy block");
    }
    return absl::string_view(*memory);
  }

  // `limit` is the block's key in the index: no smaller than the keys of the block, smaller than
  // those of the next.
  absl::Status ParseDataBlock(const BlockHandle& handle, absl::string_view limit) {
    std::string memory;
    SLUICE_ASSIGN_OR_RETURN(absl::string_view block, Block(handle, &memory));
    SLUICE_ASSIGN_OR_RETURN(BlockCursor cursor, BlockCursor::Make(block));
    while (true) {
      SLUICE_ASSIGN_OR_RETURN(const bool more, cursor.Next());
      if (!more) break;
      const absl::string_view key = cursor.key();
      if ((has_bound_ && key <= bound_) || key > limit) {
        return Damage(absl::StrCat("key '", Printable(key), "' is out of order"));
      }
      SLUICE_RETURN_IF_ERROR(Charge(key.size() + cursor.value().size() + sizeof(TableEntry)));
      entries_.emplace_back(cursor.key(), cursor.value());
      bound_ = cursor.key();
      has_bound_ = true;
    }
    bound_ = std::string(limit);
    has_bound_ = true;
    return absl::OkStatus();
  }

  absl::Status Charge(size_t bytes) {
    content_bytes_ += static_cast<int64_t>(bytes);
    if (content_bytes_ <= kMaxTableContentBytes) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        absl::StrCat("the entries take more than ", kMaxTableContentBytes, " bytes"));
  }

  absl::string_view file_;
  std::vector<TableEntry> entries_;
  int64_t content_bytes_ = 0;
  std::string bound_;  // the next key must be greater, once there is a bound
  bool has_bound_ = false;
};

leveldb::Status ToLevelDb(const absl::Status& status) {
  return status.ok() ? leveldb::Status::OK()
                     : leveldb::Status::IOError(std::string(status.message()));
}

// Lets LevelDB write to one of our files; remembers the first error as we know it.
class LevelDbFile : public leveldb::WritableFile {
 public:
  explicit LevelDbFile(sluice::WritableFile& file) : file_(file) {}
  leveldb::Status Append(const leveldb::Slice& data) override {
    return Keep(file_.Append({data.data(), data.size()}));
  }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return Keep(file_.Sync()); }
  leveldb::Status Close() override { return Keep(file_.Close()); }
  const absl::Status& status() const { return status_; }

 private:
  leveldb::Status Keep(const absl::Status& status) {
    if (status_.ok()) status_ = status;
    return ToLevelDb(status);
  }
  sluice::WritableFile& file_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<std::vector<TableEntry>> ReadSortedTable(FileSystem& fs, const std::string& path) {
  SLUICE_ASSIGN_OR_RETURN(const std::string file, fs.ReadAll(path, kMaxTableFileBytes));
  auto entries = TableParser(file).Parse();
  if (!entries.ok()) return Annotate(entries.status(), path);
  return entries;
}

absl::Status WriteSortedTable(const std::map<std::string, std::string>& entries,
                              WritableFile& file) {
  leveldb::Options options;
  options.compression = leveldb::kNoCompression;
  options.block_size = 256 << 10;
  options.block_restart_interval = 16;
  LevelDbFile adapter(file);
  leveldb::TableBuilder builder(options, &adapter);
  for (const auto& [key, value] : entries) builder.Add(key, value);
  const leveldb::Status status = builder.Finish();
  SLUICE_RETURN_IF_ERROR(adapter.status());
  if (!status.ok()) return absl::InternalError("writing a table: " + status.ToString());
  return absl::OkStatus();
}

}  // namespace sluice
