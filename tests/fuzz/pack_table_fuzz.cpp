// The table of a pack whose pointers are sound and whose contents are anything.
//
// What lies behind a wild pointer cannot be checked in this process; such a pack ends the process that opens
// it.
#include <cstring>
#include <deque>
#include <vector>

#include "harness/device/pack_table.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace assay;

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  std::uint8_t Byte() { return at_ < size_ ? data_[at_++] : 0; }
  int Int() {
    // Mostly small, now and then anything.
    const std::uint8_t first = Byte();
    if (first < 0xf0) return first % 8;
    int value = 0;
    for (int i = 0; i < 4; ++i) value = static_cast<int>(static_cast<unsigned>(value) << 8 | Byte());
    return value;
  }
  // A null pointer, or a string that `keep` owns.
  const char* String(std::deque<std::string>& keep) {
    const std::size_t length = Byte();
    if (length == 0xff) return nullptr;
    std::string& text = keep.emplace_back();
    for (std::size_t i = 0; i < length && at_ < size_; ++i) text += static_cast<char>(Byte());
    return text.c_str();
  }
  template <class Enum>
  void Put(Enum& value) {
    const int raw = Int();
    static_assert(sizeof raw == sizeof value);
    std::memcpy(&value, &raw, sizeof raw);
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

assay_promise promise;  // that every variant gives
assay_promise Promise(assay_dtype) { return promise; }
std::int32_t Supports(const assay_problem*, const assay_device_info*, assay_message*) { return 0; }
std::int32_t Create(const assay_problem*, const assay_device_info*, void**, assay_message*) { return 0; }
std::int32_t Configurations(const assay_problem*, const assay_device_info*, assay_configuration*,
                            std::int32_t) {
  return 0;
}
std::int32_t CreateConfigured(const assay_problem*, const assay_device_info*, const char*, void**,
                              assay_message*) {
  return 0;
}
std::int32_t Launch(void*, const assay_buffers*, void*, assay_message*) { return 0; }
void Release(void*) {}

assay_variant Variant(Bytes& bytes, std::deque<std::string>& keep) {
  const std::uint8_t absent = bytes.Byte();
  assay_variant variant = {};
  variant.op = bytes.String(keep);
  variant.name = bytes.String(keep);
  variant.summary = bytes.String(keep);
  bytes.Put(variant.role);
  variant.promise = absent == 1 ? nullptr : Promise;
  variant.supports = absent == 2 ? nullptr : Supports;
  variant.create = absent == 3 ? nullptr : Create;
  variant.launch = absent == 4 ? nullptr : Launch;
  variant.release = absent == 5 ? nullptr : Release;
  variant.configurations = absent < 6 || absent == 7 ? nullptr : Configurations;
  variant.create_configured = absent < 6 || absent == 6 ? nullptr : CreateConfigured;
  return variant;
}

// One line of UTF-8 stays what it is.
void CheckText(const char* text) {
  if (text == nullptr) return;
  fuzz::Require(PrintableLine(text) == text, "text of an accepted table", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  std::deque<std::string> keep;
  bytes.Put(promise.operand);
  bytes.Put(promise.accumulator);
  for (std::int32_t* field : {&promise.rounds_intermediate, &promise.rounds_sums, &promise.repeatable,
                              &promise.alignment, &promise.prepacks_weights}) {
    *field = bytes.Int();
  }
  assay_pack table = {};
  table.abi = ASSAY_PACK_ABI;
  table.name = bytes.String(keep);
  table.version = bytes.String(keep);
  bytes.Put(table.backend);
  table.unavailable = bytes.String(keep);
  std::vector<assay_variant> variants;
  for (int count = bytes.Int() & 7; count > 0; --count) variants.push_back(Variant(bytes, keep));
  table.variants = variants.empty() ? nullptr : variants.data();
  table.num_variants = static_cast<std::int32_t>(variants.size());
  // A number that is too large may not make anybody look behind the last row.
  if (const int lie = bytes.Int(); lie < 0 || lie > kMaxPackVariants) table.num_variants = lie;

  if (!FaultOfTable(table).empty()) return 0;
  FaultOfPromises(table);
  CheckText(table.name);
  CheckText(table.version);
  if (table.unavailable != nullptr) PrintableLine(table.unavailable);
  for (const assay_variant& variant : variants) {
    for (const char* text : {variant.op, variant.name, variant.summary}) CheckText(text);
    const std::string_view name = variant.name;
    fuzz::Require(name.find_first_of("/ \n,'\"") == name.npos && !name.empty(), "a name that breaks an id",
                  name);
  }
  return 0;
}
