#include "agent/names/demangle.h"

#include <gtest/gtest.h>

namespace sonde::names {
namespace {

TEST(Demangle, MakesCppNamesReadable) {
  EXPECT_EQ(Demangle("_ZNSt6vectorIiSaIiEE9push_backERKi"),
            "std::vector<int, std::allocator<int> >::push_back(int const&)");
}

TEST(Demangle, KeepsAllOtherNames) {
  for (const char* name : {"main", "", "_Z", "_Znonsense", "_RNvC5crate4main", "Java_x", "\xff\xfe"}) {
    EXPECT_EQ(Demangle(name), name);
  }
}

TEST(Demangle, KeepsNamesThatAreTooLong) {
  std::string name = "_Z1020" + std::string(1'020, 'x') + "v";
  EXPECT_EQ(Demangle(name), name);
}

// A<X,X>, A<A<X,X>,A<X,X>>, ...: each level doubles the text.
TEST(Demangle, DoesNotUnfoldNamesThatGrowWithoutBound) {
  std::string bomb = "_Z1f1PI1A1AE";
  const std::string digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (size_t level = 0; level < 30; ++level) {
    std::string reference = "S" + digits.substr(level + 1, 1) + "_";
    bomb += "S_I" + reference + reference + "E";
  }
  EXPECT_EQ(Demangle(bomb), bomb);
}

}  // namespace
}  // namespace sonde::names
