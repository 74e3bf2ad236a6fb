#include "agent/names/demangle.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace sonde::names {
namespace {

TEST(Demangle, MakesCppNamesReadable) {
  EXPECT_EQ(Demangle("_ZNSt6vectorIiSaIiEE9push_backERKi"),
            "std::vector<int, std::allocator<int> >::push_back(int const&)");
}

TEST(Demangle, MakesRustNamesReadable) {
  const std::pair<const char*, const char*> kNames[] = {
      {"_RNvC5crate4main", "crate::main"},
      {"_RINvCs1_2v05applyNCNvB2_4main0Kj7_EB2_", "v0::apply::<v0::main::{closure#0}, 7>"},
      {"_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_", "cc::spawn::{closure#0}::{closure#0}"},
      {"_RNvXCsfq2Zq5gqAK1_2v0INtB2_2SqfENtB2_5Shape4areaB2_", "<v0::Sq<f32> as v0::Shape>::area"},
      {"_RNvNtC5crateu8gdel_5qa4main", "crate::gödel::main"},
      {"_ZN4core3fmt9Formatter3new17h0123456789abcdefE", "core::fmt::Formatter::new"},
      {"_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar17h930b740aa94f1d3aE",
       "<Test + 'static as foo::Bar<Test>>::bar"},
  };
  for (const auto& [mangled, plain] : kNames) EXPECT_EQ(Demangle(mangled), plain);
}

TEST(Demangle, TakesNoNameOfCppForOneOfRust) {
  EXPECT_EQ(Demangle("_ZN3foo17h0123456789abcdeE"), "_ZN3foo17h0123456789abcdeE") << "a digit is missing";
  EXPECT_EQ(Demangle("_ZN3foo3barEv"), "foo::bar()");
}

TEST(Demangle, KeepsAllOtherNames) {
  for (const char* name : {"main", "", "_Z", "_R", "_RC", "_Znonsense", "_Rnonsense", "_R00", "Java_x", "\xff\xfe"}) {
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

// ((u8, u8), (u8, u8)), ...: the same in Rust, where a reference is to a place in the name.
TEST(Demangle, DoesNotUnfoldRustNamesThatGrowWithoutBound) {
  const std::string digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const std::string begin = "_RINvC1a1b";
  const auto bomb = [&](size_t levels) {
    std::string name = begin + "ThhE";
    size_t last = begin.size();
    for (size_t level = 0; level < levels; ++level) {
      const size_t at =
          last - 2;  // places are counted from behind "_R", and a number is one less than what it stands for
      std::string reference = "B";
      if (at > 0)
        reference += at - 1 < 62 ? digits.substr(at - 1, 1) : std::string{digits[(at - 1) / 62], digits[(at - 1) % 62]};
      reference += "_";
      last = name.size();
      name += "T" + reference + reference + "E";
    }
    return name + "E";
  };
  EXPECT_NE(Demangle(bomb(3)), bomb(3));
  EXPECT_EQ(Demangle(bomb(30)), bomb(30));
  EXPECT_EQ(Demangle(bomb(11)), bomb(11)) << "too long when it is unfolded";
}

// Depth is bounded by the library.
TEST(Demangle, DoesNotFollowNestingToTheEndOfItsStack) {
  for (const char* level : {"R", "S", "A", "T"}) {
    std::string name = "_RINvC1a1b";
    for (int i = 0; i < 1'000; ++i) name += level;
    EXPECT_EQ(Demangle(name), name);
  }
}

}  // namespace
}  // namespace sonde::names
