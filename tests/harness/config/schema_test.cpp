// configs/schema.json says what LoadSweep accepts: same keys, same words, same ranges.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "harness/config/config.h"
#include "tests/harness/config/load.h"

namespace assay::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const json& Schema() {
  static const json schema =
      json::parse(std::ifstream(std::filesystem::path(ASSAY_CONFIGS_DIR) / "schema.json"));
  return schema;
}

// Keys of an object, sorted.
std::set<std::string> Keys(const json& object) {
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}

// What the reader lists when it meets the key `no_such_key`.
std::set<std::string> AllowedKeys(const std::filesystem::path& path) {
  std::string message;
  try {
    LoadSweep(path, {{{"dsconv", "naive", false}}});
  } catch (const ConfigError& error) {
    message = error.what();
  }
  const std::string before = "found unknown key \"no_such_key\"; allowed: ";
  EXPECT_THAT(message, HasSubstr(before));
  std::set<std::string> keys;
  std::stringstream list(message.substr(message.find(before) + before.size()));
  for (std::string key; std::getline(list >> std::ws, key, ',');) keys.insert(key);
  return keys;
}

TEST(Schema, HasTheReadersKeys) {
  const ConfigFolder folder;
  const auto allowed = [&](const std::string& yaml) { return AllowedKeys(folder.Write("sweep.yaml", yaml)); };
  const json& top = Schema()["properties"];
  const json& defs = Schema()["$defs"];
  EXPECT_EQ(Keys(top), allowed("no_such_key: 1\n"));
  EXPECT_EQ(Keys(top["verify"]["properties"]), allowed("name: x\nverify: {no_such_key: 1}\n"));
  EXPECT_EQ(Keys(top["measure"]["properties"]), allowed("name: x\nmeasure: {no_such_key: 1}\n"));
  EXPECT_EQ(Keys(top["limits"]["properties"]), allowed("name: x\nlimits: {no_such_key: 1}\n"));
  EXPECT_EQ(Keys(defs["source"]["properties"]), allowed("name: x\nproblems: [{no_such_key: 1}]\n"));
  EXPECT_EQ(Keys(defs["grid"]["properties"]), allowed("name: x\nproblems: [{grid: {no_such_key: 1}}]\n"));
  EXPECT_EQ(Keys(defs["item"]["properties"]), allowed("name: x\nproblems: [{list: [{no_such_key: 1}]}]\n"));
}

TEST(Schema, HasTheOperatorsParameters) {
  const Operator* const op = FindOperator("dsconv");
  ASSERT_NE(op, nullptr);
  const json& defs = Schema()["$defs"];
  std::set<std::string> names, required;
  for (const ParamSpec& spec : op->params()) {
    names.insert(spec.name);
    if (spec.required) required.insert(spec.name);
    EXPECT_TRUE(defs.contains("value_" + spec.name)) << spec.name;
    // Defaults are told in words.
    const std::string description = defs["value_" + spec.name].value("description", "");
    if (!spec.required) {
      EXPECT_THAT(description, HasSubstr("Default " + spec.fallback + "."));
    }
  }
  EXPECT_EQ(Keys(defs["grid"]["properties"]), names);
  EXPECT_EQ(defs["grid"]["required"].get<std::set<std::string>>(), required);
  std::set<std::string> operators;
  for (const Operator* each : Operators()) operators.emplace(each->name());
  EXPECT_EQ(Schema()["properties"]["operator"]["enum"].get<std::set<std::string>>(), operators);
}

TEST(Schema, HasTheReadersWords) {
  const json& top = Schema()["properties"];
  EXPECT_EQ(top["dtypes"]["oneOf"][1]["items"]["enum"], json::array({"fp32", "fp16", "bf16"}));
  EXPECT_EQ(top["layouts"]["oneOf"][1]["items"]["enum"], json::array({"nchw", "nhwc"}));
  const ConfigFolder folder;
  for (const char* key : {"dtypes", "layouts", "variants", "baselines"}) {
    for (const char* word : {"all", "none"}) {
      const json& words = top[key]["oneOf"][0]["enum"];
      const bool expected = std::find(words.begin(), words.end(), word) != words.end();
      const std::string yaml =
          fmt::format("name: x\nproblems: [{{grid: {{n: 1, c: 1}}}}]\n{}: {}\n", key, word);
      EXPECT_EQ(folder.ErrorOf(yaml).empty(), expected) << yaml;
    }
  }
}

// The ends of each range are accepted, and what is just beyond is not.
TEST(Schema, HasTheReadersRanges) {
  const ConfigFolder folder;
  int ranges = 0;
  for (const char* section : {"verify", "measure", "limits"}) {
    for (const auto& [key, schema] : Schema()["properties"][section]["properties"].items()) {
      if (!schema.contains("minimum")) continue;
      ++ranges;
      // The other end of the two pairs is set so that only the range itself is tried.
      const std::string other = key == "max_seconds"   ? ", min_seconds: 0"
                                : key == "min_seconds" ? ", max_seconds: 3600"
                                : key == "max_samples" ? ", min_samples: 1"
                                : key == "min_samples" ? ", max_samples: 1000000"
                                                       : "";
      const auto loads = [&](const std::string& value) {
        const std::string error = folder.ErrorOf(fmt::format(
            "name: x\nproblems: [{{grid: {{n: 1, c: 1}}}}]\n{}: {{{}: {}{}}}\n", section, key, value, other));
        return error.empty();
      };
      const json& minimum = schema["minimum"];
      const json& maximum = schema["maximum"];
      EXPECT_TRUE(loads(minimum.dump())) << key;
      EXPECT_TRUE(loads(maximum.dump())) << key;
      if (schema["type"] == "integer") {
        EXPECT_FALSE(loads(std::to_string(minimum.get<std::int64_t>() - 1))) << key;
        EXPECT_FALSE(loads(std::to_string(maximum.get<std::int64_t>() + 1))) << key;
      } else {
        EXPECT_FALSE(loads(fmt::format("{}", minimum.get<double>() - 1e-6))) << key;
        EXPECT_FALSE(loads(fmt::format("{}", maximum.get<double>() + 1e-6))) << key;
      }
    }
  }
  EXPECT_EQ(ranges, 10);
}

// A key that is not described is no documentation.
TEST(Schema, DescribesEveryKey) {
  const auto check = [](const json& properties) {
    for (const auto& [key, value] : properties.items()) {
      const json* schema = &value;
      if (!schema->contains("description") && schema->contains("$ref")) {
        const std::string ref = (*schema)["$ref"];
        schema = &Schema()["$defs"][ref.substr(ref.rfind('/') + 1)];
      }
      EXPECT_GT(schema->value("description", "").size(), 10u) << key;
    }
  };
  check(Schema()["properties"]);
  check(Schema()["properties"]["verify"]["properties"]);
  check(Schema()["properties"]["measure"]["properties"]);
  check(Schema()["properties"]["limits"]["properties"]);
  for (const char* def : {"source", "grid", "item"}) check(Schema()["$defs"][def]["properties"]);
}

}  // namespace
}  // namespace assay::testing
