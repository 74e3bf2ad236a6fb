#include "profile/mapping_order.h"

#include <gtest/gtest.h>

#include "profile/merge.h"
#include "profile/pprof_file.h"

namespace sonde::profile {
namespace {

using FileNames = std::vector<std::string>;

// One location in each of these files, of the file's own name, all on one stack.
Pprof WallIn(const FileNames& files) {
  PprofBuilder builder(Kind::kWall, 0, 1, 1);
  std::vector<uint64_t> stack;
  for (const std::string& file : files) {
    PprofBuilder::Line line{.name = file, .system_name = "", .filename = "", .line = 0};
    stack.push_back(builder.AddLocation(builder.AddMapping(file, "", 0, 0x1000, 0, true), 1, {&line, 1}));
  }
  int64_t value = 1;
  builder.AddSample(stack, {&value, 1}, {});
  return std::move(builder).Build();
}

FileNames FilesOf(const Pprof& profile) {
  FileNames files;
  for (const auto& mapping : profile.mapping()) files.push_back(TextAt(profile, mapping.filename()));
  return files;
}

void ExpectEachInItsFile(const Pprof& profile) {
  EXPECT_TRUE(Check(profile).ok()) << Check(profile);
  for (const auto& location : profile.location()) {
    const auto& mapping = profile.mapping(static_cast<int>(location.mapping_id()) - 1);
    const auto& function = profile.function(static_cast<int>(location.line(0).function_id()) - 1);
    EXPECT_EQ(mapping.id(), location.mapping_id());
    EXPECT_EQ(TextAt(profile, mapping.filename()), TextAt(profile, function.name()));
  }
}

TEST(MappingOrder, PutsProgramsFirstAndWhatIsNoFileLast) {
  Pprof profile =
      WallIn({"[stack lost]", "[kernel.kallsyms]", "/lib/libc.so.6", "[vdso]", "/lib/libm-2.36.so", "/bin/app"});
  EXPECT_EQ(FilesOf(profile), (FileNames{"/bin/app", "/lib/libc.so.6", "/lib/libm-2.36.so", "[kernel.kallsyms]",
                                         "[stack lost]", "[vdso]"}));
  ExpectEachInItsFile(profile);
}

TEST(MappingOrder, KeepsTheOrderOfPrograms) {
  EXPECT_EQ(FilesOf(WallIn({"/bin/z.sonde", "/bin/a"})), (FileNames{"/bin/z.sonde", "/bin/a"}));
}

TEST(MappingOrder, LetsTheKernelLeadWhereNoFileIsKnown) {
  EXPECT_EQ(FilesOf(WallIn({"[unknown]", "[kernel.kallsyms]"})), (FileNames{"[kernel.kallsyms]", "[unknown]"}));
  EXPECT_EQ(FilesOf(WallIn({"[unknown]"})), (FileNames{"[unknown]"}));
}

TEST(MappingOrder, HoldsForMergedProfilesToo) {
  auto merged = Merge(
      {WallIn({"[new thread that has not run yet]"}), WallIn({"/lib/libc.so.6"}), WallIn({"/bin/app", "[unknown]"})});
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_EQ(FilesOf(*merged),
            (FileNames{"/bin/app", "/lib/libc.so.6", "[new thread that has not run yet]", "[unknown]"}));
  ExpectEachInItsFile(*merged);
}

TEST(MappingOrder, LeavesLocationsWithoutMappingAlone) {
  Pprof profile = WallIn({"[unknown]", "/bin/app"});
  profile.add_location()->set_id(3);
  OrderMappings(&profile);
  EXPECT_EQ(profile.location(2).mapping_id(), 0U);
}

}  // namespace
}  // namespace sonde::profile
