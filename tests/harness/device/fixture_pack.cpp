// A kernel pack with one fault, chosen at compile time: FIXTURE_NONE is a good one.
#include <stdexcept>

#include "kernels/pack.h"

#if defined(FIXTURE_THROWING_CONSTRUCTOR)
const struct Throws {
  Throws() { throw std::runtime_error("thrown while the pack was loaded"); }
} throws;
#endif

namespace {

[[maybe_unused]] assay_promise Promise(assay_dtype) { return {}; }
[[maybe_unused]] int32_t Supports(const assay_problem*, const assay_device_info*, assay_message*) {
  return 0;
}
[[maybe_unused]] int32_t Create(const assay_problem*, const assay_device_info*, void**, assay_message*) {
  return 0;
}
[[maybe_unused]] int32_t Launch(void*, const assay_buffers*, void*, assay_message*) { return 0; }
[[maybe_unused]] void Release(void*) {}

[[maybe_unused]] assay_variant Variant(const char* name) {
  assay_variant variant = {};
  variant.op = "dsconv";
  variant.name = name;
  variant.summary = "does nothing";
  variant.promise = Promise;
  variant.supports = Supports;
  variant.create = Create;
  variant.launch = Launch;
  variant.release = Release;
  return variant;
}

[[maybe_unused]] const assay_pack* Table() {
  static assay_variant variants[] = {Variant("first"), Variant("second")};
  static assay_pack table = {
      ASSAY_PACK_ABI, FIXTURE_NAME, "fixture 1.0", ASSAY_BACKEND_HOST, nullptr, variants, 2};
#if defined(FIXTURE_OTHER_ABI)
  // All else is unreadable, as in a pack of another version.
  table = {ASSAY_PACK_ABI + 41,
           reinterpret_cast<const char*>(1),
           nullptr,
           ASSAY_BACKEND_HOST,
           nullptr,
           nullptr,
           1000};
#elif defined(FIXTURE_NO_VARIANTS)
  table.num_variants = 0;
#elif defined(FIXTURE_NEGATIVE_VARIANTS)
  table.num_variants = -1;
#elif defined(FIXTURE_NULL_VARIANTS)
  table.variants = nullptr;
#elif defined(FIXTURE_NO_LAUNCH)
  variants[1].launch = nullptr;
#elif defined(FIXTURE_NO_PROMISE)
  variants[0].promise = nullptr;
#elif defined(FIXTURE_NO_NAME)
  variants[1].name = nullptr;
#elif defined(FIXTURE_NO_OP)
  variants[0].op = "";
#elif defined(FIXTURE_TWINS)
  variants[1].name = "first";
#elif defined(FIXTURE_STRANGE_BACKEND)
  const int strange = 2;
  memcpy(&table.backend, &strange, sizeof(strange));
#elif defined(FIXTURE_STRANGE_ROLE)
  const int strange = 3;
  memcpy(&variants[0].role, &strange, sizeof(strange));
#elif defined(FIXTURE_MANY_VARIANTS)
  table.num_variants = 0x7fffffff;
#elif defined(FIXTURE_SLASH_IN_NAME)
  variants[1].name = "a/b";
#elif defined(FIXTURE_SPACE_IN_NAME)
  variants[1].name = "a b";
#elif defined(FIXTURE_NEWLINE_IN_NAME)
  variants[1].name = "a\nb";
#elif defined(FIXTURE_NAME_NOT_UTF8)
  variants[1].name = "a\xff";
#elif defined(FIXTURE_NAMED_ALL)
  variants[1].name = "all";
#elif defined(FIXTURE_SLASH_IN_OP)
  variants[1].op = "dsconv/x";
#elif defined(FIXTURE_SUMMARY_NOT_UTF8)
  variants[0].summary = "caf\xe9";
#elif defined(FIXTURE_VERSION_OF_TWO_LINES)
  table.version = "1.0\n2.0";
#elif defined(FIXTURE_STRANGE_PACK_NAME)
  table.name = "../pack";
#elif defined(FIXTURE_STRANGE_OPERAND)
  variants[1].promise = [](assay_dtype dtype) {
    assay_promise promise = {};
    const int strange = dtype == ASSAY_BF16 ? 77 : 1;
    memcpy(&promise.operand, &strange, sizeof(strange));
    return promise;
  };
#elif defined(FIXTURE_STRANGE_ACCUMULATOR)
  variants[0].promise = [](assay_dtype) {
    assay_promise promise = {};
    promise.accumulator = ASSAY_FORMAT_TF32X3;
    return promise;
  };
#elif defined(FIXTURE_STRANGE_ALIGNMENT)
  variants[0].promise = [](assay_dtype) {
    assay_promise promise = {};
    promise.alignment = 24;
    return promise;
  };
#elif defined(FIXTURE_STRANGE_FLAG)
  variants[0].promise = [](assay_dtype) {
    assay_promise promise = {};
    promise.repeatable = -1;
    return promise;
  };
#elif defined(FIXTURE_NO_CREATE_CONFIGURED)
  variants[1].configurations = [](const assay_problem*, const assay_device_info*, assay_configuration*,
                                  int32_t) { return 0; };
#elif defined(FIXTURE_NO_CONFIGURATIONS)
  variants[0].create_configured = [](const assay_problem*, const assay_device_info*, const char*, void**,
                                     assay_message*) { return 0; };
#elif defined(FIXTURE_UNAVAILABLE_IN_LATIN1)
  table.unavailable = "caf\xe9\nclosed";
#elif defined(FIXTURE_UNAVAILABLE)
  table.unavailable = "libfixture.so.9 was not found";
  table.num_variants = 0;
  table.variants = nullptr;
#elif defined(FIXTURE_UNAVAILABLE_WITH_VARIANTS)
  table.unavailable = "libfixture.so.9 was not found";
#endif
  return &table;
}

}  // namespace

#if defined(FIXTURE_NULL_TABLE)
extern "C" const assay_pack* assay_pack_entry(void) { return nullptr; }
#elif defined(FIXTURE_THROWING_ENTRY)
extern "C" const assay_pack* assay_pack_entry(void) { throw std::runtime_error("no licence"); }
#elif !defined(FIXTURE_NO_ENTRY)
extern "C" const assay_pack* assay_pack_entry(void) { return Table(); }
#endif
