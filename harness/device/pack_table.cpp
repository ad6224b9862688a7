#include "harness/device/pack_table.h"

#include <fmt/format.h>

#include <cstring>
#include <set>
#include <utility>

namespace assay {
namespace {

constexpr std::size_t kMaxIdBytes = 64;     // of a name that goes into ids
constexpr std::size_t kMaxLineBytes = 512;  // of any other text
constexpr int kMaxAlignment = 4096;

// The number that a pack put into an enum: reading another one than the enum's as the enum is undefined.
template <class Enum>
int Raw(const Enum& value) {
  static_assert(sizeof(Enum) == sizeof(int));
  int raw = 0;
  std::memcpy(&raw, &value, sizeof(raw));
  return raw;
}

// Bytes of the character that `text` begins with; 0 if it is no UTF-8 (RFC 3629) or a control character.
std::size_t CharacterLength(std::string_view text) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto continues = [&](std::size_t i) { return byte(i) >= 0x80 && byte(i) <= 0xBF; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7F ? 1 : 0;
  if (lead < 0xC2 || lead > 0xF4 || !continues(1)) return 0;
  if (lead < 0xE0) return 2;
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool beyond = (lead == 0xED && byte(1) > 0x9F) || (lead == 0xF4 && byte(1) > 0x8F);
  if (overlong || beyond || !continues(2)) return 0;
  if (lead < 0xF0) return 3;
  return continues(3) ? 4 : 0;
}

std::string Shown(std::string_view text) {
  return fmt::format("\"{}\"", PrintableLine(text.substr(0, kMaxIdBytes)));
}

// What goes into ids ("dsconv/…/fp16/nhwc/tiled"), command lines and `where` expressions.
bool IsIdPart(std::string_view text) {
  if (text.empty() || text.size() > kMaxIdBytes) return false;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '_' && c != '-' && c != '.') return false;
  }
  return text.front() != '-' && text.front() != '.';
}

bool IsLine(std::string_view text) {
  if (text.size() > kMaxLineBytes) return false;
  while (!text.empty()) {
    const std::size_t length = CharacterLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

constexpr const char* kIdRule =
    "a name has 1 to 64 of the letters a-z A-Z, digits, _ - and ., and begins with none of - and .";
constexpr const char* kLineRule = "one line of UTF-8, at most 512 bytes";

std::string FaultOf(const assay_variant& variant, int index) {
  const auto missing = [&](const char* field) {
    const std::string which = variant.name != nullptr ? fmt::format("variant {}", Shown(variant.name))
                                                      : fmt::format("variant number {}", index);
    return fmt::format("{} has no {}", which, field);
  };
  if (variant.name == nullptr || variant.name[0] == '\0') return missing("name");
  if (!IsIdPart(variant.name)) {
    return fmt::format("variant number {} is named {}; {}", index, Shown(variant.name), kIdRule);
  }
  if (std::strcmp(variant.name, "all") == 0 || std::strcmp(variant.name, "none") == 0) {
    return fmt::format("variant number {} is named {}, a word that has a meaning of its own", index,
                       Shown(variant.name));
  }
  if (variant.op == nullptr || variant.op[0] == '\0') return missing("op");
  if (!IsIdPart(variant.op)) {
    return fmt::format("variant {} has op {}; {}", Shown(variant.name), Shown(variant.op), kIdRule);
  }
  if (variant.summary == nullptr) return missing("summary");
  if (!IsLine(variant.summary)) {
    return fmt::format("the summary of variant {} is not {}", Shown(variant.name), kLineRule);
  }
  if (variant.promise == nullptr) return missing("promise()");
  if (variant.supports == nullptr) return missing("supports()");
  if (variant.create == nullptr) return missing("create()");
  if (variant.launch == nullptr) return missing("launch()");
  if (variant.release == nullptr) return missing("release()");
  if ((variant.configurations == nullptr) != (variant.create_configured == nullptr)) {
    return fmt::format("variant {} has {} without the other of configurations() and create_configured()",
                       Shown(variant.name),
                       variant.configurations == nullptr ? "create_configured()" : "configurations()");
  }
  if (const int role = Raw(variant.role); role != ASSAY_ROLE_KERNEL && role != ASSAY_ROLE_BASELINE) {
    return fmt::format("variant {} has role {}, which is none of assay_role", Shown(variant.name), role);
  }
  return {};
}

std::string FaultOf(const assay_promise& promise) {
  const int operand = Raw(promise.operand);
  const int accumulator = Raw(promise.accumulator);
  if (operand < ASSAY_FORMAT_F64 || operand > ASSAY_FORMAT_TF32X3) {
    return fmt::format("operand {}, which is none of assay_format", operand);
  }
  if (accumulator < ASSAY_FORMAT_F64 || accumulator > ASSAY_FORMAT_BF16) {
    return fmt::format("accumulator {}, which is no assay_format of a sum", accumulator);
  }
  for (const auto& [name, flag] :
       {std::pair{"rounds_intermediate", promise.rounds_intermediate},
        std::pair{"rounds_sums", promise.rounds_sums}, std::pair{"repeatable", promise.repeatable},
        std::pair{"prepacks_weights", promise.prepacks_weights}}) {
    if (flag != 0 && flag != 1) return fmt::format("{} {}, which is neither 0 nor 1", name, flag);
  }
  const std::int32_t alignment = promise.alignment;
  if (alignment < 0 || alignment > kMaxAlignment || (alignment & (alignment - 1)) != 0) {
    return fmt::format("alignment {}, which is no power of two up to {}", alignment, kMaxAlignment);
  }
  return {};
}

}  // namespace

std::string FaultOfTable(const assay_pack& table) {
  if (table.name == nullptr || table.name[0] == '\0') return "its table has no name";
  if (!IsIdPart(table.name)) return fmt::format("its name is {}; {}", Shown(table.name), kIdRule);
  if (table.version != nullptr && !IsLine(table.version)) {
    return fmt::format("its version is not {}", kLineRule);
  }
  if (const int backend = Raw(table.backend);
      backend != ASSAY_BACKEND_HOST && backend != ASSAY_BACKEND_CUDA) {
    return fmt::format("its backend is {}, which is none of assay_backend", backend);
  }
  if (table.num_variants < 0 || table.num_variants > kMaxPackVariants) {
    return fmt::format("it says that it has {} variants; at most {} are taken", table.num_variants,
                       kMaxPackVariants);
  }
  if (table.num_variants > 0 && table.variants == nullptr) {
    return fmt::format("it says that it has {} variants and gives none", table.num_variants);
  }
  // A pack that cannot be used here may have nothing to offer; a usable one must.
  if (table.num_variants == 0 && table.unavailable == nullptr) return "it has no variants";
  std::set<std::pair<std::string, std::string>> names;
  for (int i = 0; i < table.num_variants; ++i) {
    const assay_variant& variant = table.variants[i];
    if (std::string fault = FaultOf(variant, i); !fault.empty()) return fault;
    if (!names.emplace(variant.op, variant.name).second) {
      return fmt::format("it has two variants named \"{}\" for operator {}", variant.name, variant.op);
    }
  }
  return {};
}

std::string FaultOfPromises(const assay_pack& table) {
  for (int i = 0; i < table.num_variants; ++i) {
    const assay_variant& variant = table.variants[i];
    for (const assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
      if (const std::string fault = FaultOf(variant.promise(dtype)); !fault.empty()) {
        return fmt::format("variant \"{}\" promises {} (for dtype {} of assay_dtype)", variant.name, fault,
                           static_cast<int>(dtype));
      }
    }
  }
  return {};
}

std::string PrintableLine(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const std::size_t length = CharacterLength(text);
    if (length == 0) {
      line += text.front() == '\n' || text.front() == '\t' ? ' ' : '?';
      text.remove_prefix(1);
    } else {
      line += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return line;
}

}  // namespace assay
