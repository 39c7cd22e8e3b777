// The zip format is PKWARE's APPNOTE.TXT. libzip goes back in a file to complete what it has
// written; a stored member whose size and checksum are known beforehand needs no going back.
#include <zlib.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "io/coding.h"
#include "io/npy.h"
#include "io/npz.h"

namespace sluice {
namespace {

constexpr size_t kMaxNameBytes = 65'000;  // with ".npy", a 16-bit length
// Larger numbers stand in a zip64 field. (4 GiB would do; Python's zipfile turns at 2 GiB, too.)
constexpr int64_t kMaxPlain = INT32_MAX;
constexpr size_t kMaxPlainMembers = 0xffff;
constexpr uint32_t kSee64 = 0xffffffff;  // the number is in the zip64 field
constexpr uint16_t kZip64Tag = 1;
constexpr uint16_t kVersion = 45;  // of the format, 4.5: zip64
constexpr uint16_t kUtf8Names = 0x800;
constexpr uint16_t kDate = 1 << 5 | 1;  // 1980-01-01, the first that a zip can hold
constexpr uint32_t kReadableByOwner = 0600u << 16;

// Numbers of a record, little-endian.
class Record {
 public:
  explicit Record(uint32_t signature) { U32(signature); }
  Record& U16(uint64_t value) {
    text_.push_back(static_cast<char>(value));
    text_.push_back(static_cast<char>(value >> 8));
    return *this;
  }
  Record& U32(uint64_t value) {
    AppendFixed32(&text_, static_cast<uint32_t>(value));
    return *this;
  }
  Record& U64(int64_t value) {
    AppendFixed64(&text_, static_cast<uint64_t>(value));
    return *this;
  }
  Record& Bytes(absl::string_view bytes) {
    absl::StrAppend(&text_, bytes);
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

struct Member {
  std::string name;
  uint32_t crc = 0;
  int64_t size = 0;
  int64_t offset = 0;  // of its local header
};

uint32_t PlainOr64(int64_t value) {
  return value > kMaxPlain ? kSee64 : static_cast<uint32_t>(value);
}

// What local and central headers have in common, from the flags to the checksum.
void AddCommon(const Member& member, Record* record) {
  const bool ascii = std::all_of(member.name.begin(), member.name.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  const uint16_t flags = ascii ? 0 : kUtf8Names;
  record->U16(flags).U16(/*stored*/ 0).U16(/*time*/ 0).U16(kDate).U32(member.crc);
}

// The sizes stand in a zip64 field in any case, as numpy does it.
std::string LocalHeader(const Member& member) {
  Record record(0x04034b50);
  record.U16(kVersion);
  AddCommon(member, &record);
  record.U32(kSee64).U32(kSee64).U16(member.name.size()).U16(20).Bytes(member.name);
  record.U16(kZip64Tag).U16(16).U64(member.size).U64(member.size);
  return record.text();
}

std::string CentralHeader(const Member& member) {
  const bool large = member.size > kMaxPlain, far = member.offset > kMaxPlain;
  const int field = (large ? 16 : 0) + (far ? 8 : 0);
  Record record(0x02014b50);
  record.U16(/*made by Unix*/ 3 << 8 | kVersion).U16(kVersion);
  AddCommon(member, &record);
  record.U32(PlainOr64(member.size)).U32(PlainOr64(member.size));
  record.U16(member.name.size()).U16(field > 0 ? 4 + field : 0).U16(/*comment*/ 0);
  record.U16(/*disk*/ 0).U16(/*internal attributes*/ 0).U32(kReadableByOwner);
  record.U32(PlainOr64(member.offset)).Bytes(member.name);
  if (field > 0) record.U16(kZip64Tag).U16(field);
  if (large) record.U64(member.size).U64(member.size);
  if (far) record.U64(member.offset);
  return record.text();
}

std::string EndRecords(size_t members, int64_t start, int64_t size) {
  const auto count = static_cast<int64_t>(members);
  const bool many = members >= kMaxPlainMembers;
  std::string text;
  if (many || start > kMaxPlain || size > kMaxPlain) {
    Record end(0x06064b50);
    end.U64(/*bytes that follow*/ 44).U16(kVersion).U16(kVersion).U32(/*disk*/ 0).U32(0);
    end.U64(count).U64(count).U64(size).U64(start);
    Record locator(0x07064b50);
    locator.U32(/*disk*/ 0).U64(start + size).U32(/*disks*/ 1);
    text = end.text() + locator.text();
  }
  const uint64_t plain = many ? kMaxPlainMembers : members;
  Record end(0x06054b50);
  end.U16(/*disk*/ 0).U16(0).U16(plain).U16(plain).U32(PlainOr64(size)).U32(PlainOr64(start));
  return text + end.U16(/*comment*/ 0).text();
}

uint32_t Checksum(absl::string_view header, absl::string_view elements) {
  const auto bytes = [](absl::string_view text) {
    return reinterpret_cast<const Bytef*>(text.data());
  };
  const uLong crc = crc32_z(0, bytes(header), header.size());
  if (elements.empty()) return static_cast<uint32_t>(crc);  // zlib starts anew at a null pointer
  return static_cast<uint32_t>(crc32_z(crc, bytes(elements), elements.size()));
}

// Appends one array at `*offset`, and moves it.
absl::StatusOr<Member> WriteMember(const std::string& name, const Tensor& tensor, int64_t* offset,
                                   WritableFile& file) {
  SLUICE_ASSIGN_OR_RETURN(const std::string header, MakeNpyHeader(tensor.dtype(), tensor.shape()));
  const absl::string_view elements(static_cast<const char*>(tensor.raw()),
                                   static_cast<size_t>(tensor.byte_size()));
  const Member member = {name + ".npy", Checksum(header, elements),
                         static_cast<int64_t>(header.size() + elements.size()), *offset};
  const std::string local = LocalHeader(member);
  SLUICE_RETURN_IF_ERROR(file.Append(local));
  SLUICE_RETURN_IF_ERROR(file.Append(header));
  SLUICE_RETURN_IF_ERROR(file.Append(elements));
  *offset += static_cast<int64_t>(local.size()) + member.size;
  return member;
}

absl::Status WriteArchive(absl::Span<const BundleTensor> tensors, const TensorSource& source,
                          WritableFile& file) {
  std::vector<Member> members;
  int64_t offset = 0;
  for (const BundleTensor& tensor : tensors) {
    SLUICE_ASSIGN_OR_RETURN(const Tensor value, FetchTensor(source, tensor));
    SLUICE_ASSIGN_OR_RETURN(Member member, WriteMember(tensor.name, value, &offset, file));
    members.push_back(std::move(member));
  }
  const int64_t start = offset;
  for (const Member& member : members) {
    const std::string header = CentralHeader(member);
    SLUICE_RETURN_IF_ERROR(file.Append(header));
    offset += static_cast<int64_t>(header.size());
  }
  return file.Append(EndRecords(members.size(), start, offset - start));
}

}  // namespace

absl::Status CheckNpz(absl::Span<const BundleTensor> tensors) {
  SLUICE_RETURN_IF_ERROR(CheckArchiveNames(tensors));
  for (const BundleTensor& tensor : tensors) {
    const std::string context = absl::StrCat("array '", Printable(tensor.name), "'");
    const bool zero = tensor.name.find('\0') != std::string::npos;
    if (zero || tensor.name.size() > kMaxNameBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(context, ": a .npz file cannot hold a name ",
                       zero ? "with a zero byte" : "of more than 65,000 bytes"));
    }
    SLUICE_RETURN_IF_ERROR(Annotate(MakeNpyHeader(tensor.dtype, tensor.shape).status(), context));
  }
  return absl::OkStatus();
}

absl::Status WriteNpz(FileSystem& fs, const std::string& path,
                      absl::Span<const BundleTensor> tensors, const TensorSource& source) {
  SLUICE_RETURN_IF_ERROR(Annotate(CheckNpz(tensors), absl::CHexEscape(path)));
  return WriteAtomically(fs, path,
                         [&](WritableFile& file) { return WriteArchive(tensors, source, file); });
}

absl::Status WriteNpz(FileSystem& fs, const std::string& path,
                      const std::map<std::string, Tensor>& tensors) {
  return WriteNpz(fs, path, Announce(tensors), SourceOf(tensors));
}

}  // namespace sluice
