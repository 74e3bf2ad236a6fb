"""Plants one breach of each kind into a small tree and sees it refused; and sees the same tree without it pass."""

import pathlib
import subprocess
import tempfile
import unittest

import check

GOOD = {
    "base/clock.h": "namespace sonde::base {\n}  // namespace sonde::base\n",
    "profile/kind.h": '#include "base/clock.h"\nnamespace sonde::profile {\n}\n',
    "agent/capture/reader.cpp": '#include "agent/kernel/rings.h"\n#include "bpf/abi/records.h"\nnamespace sonde::capture {\n}\n',
    "agent/kernel/rings.h": "namespace sonde::kernel {\n}\n",
    "agent/kernel/rings.cpp": '#include <bpf/libbpf.h>\n#include "agent/kernel/rings.h"\nnamespace sonde::kernel {\n}\n',
    "agent/export/push.cpp": '#include "profile/kind.h"\nnamespace sonde::exporting {\n}\n',
    "agent/sonde_agent.cpp": '#include "agent/app/agent.h"\nint main() { return 0; }\n',
    "agent/app/agent.h": "namespace sonde::app {\n}\n",
    "bpf/abi/records.h": "struct record { int pid; };\n",
    "bpf/programs/sched.bpf.c": '#include "bpf/abi/records.h"\n',
    "tests/e2e/anything.cpp": '#include "collector/store/store.h"\n#include "agent/app/agent.h"\n',
}


def breaches_of(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        subprocess.run(["git", "init", "-q", folder], check=True)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return list(check.breaches(root))


class CheckTest(unittest.TestCase):
    def refuses(self, name, text, part):
        found = breaches_of({**GOOD, name: text})
        self.assertEqual(len(found), 1, found)
        self.assertIn(name, found[0])
        self.assertIn(part, found[0])

    def test_passes_a_tree_that_keeps_the_arrows(self):
        self.assertEqual(breaches_of(GOOD), [])

    def test_refuses_a_stage_that_includes_another_stage(self):
        self.refuses("agent/aggregate/sum.cpp", '#include "agent/capture/reader.h"\nnamespace sonde::aggregate {\n}\n',
                     "no such arrow")

    def test_refuses_an_agent_that_includes_the_collector(self):
        self.refuses("agent/app/x.cpp", '#include "collector/store/store.h"\nnamespace sonde::app {\n}\n', "no such arrow")

    def test_refuses_bpf_code_that_includes_anything_else(self):
        self.refuses("bpf/programs/cpu.bpf.c", '#include "base/clock.h"\n', "bpf sees bpf/abi")

    def test_refuses_the_shared_tables_in_a_room_that_has_no_business_with_them(self):
        self.refuses("agent/export/x.cpp", '#include "bpf/abi/records.h"\nnamespace sonde::exporting {\n}\n', "no such arrow")

    def test_refuses_base_that_includes_upwards(self):
        self.refuses("base/x.h", '#include "profile/kind.h"\nnamespace sonde::base {\n}\n', "nothing else here")

    def test_refuses_a_relative_include_that_leaves_its_room(self):
        self.refuses("agent/capture/x.h", '#include "../export/push.cpp"\nnamespace sonde::capture {\n}\n', "no such arrow")

    def test_refuses_a_foreign_namespace(self):
        self.refuses("profile/x.h", "namespace sonde::base {\n}\n", "lives in sonde::profile")

    def test_refuses_code_outside_every_namespace(self):
        self.refuses("profile/x.cpp", "int x;\n", "opens no namespace")

    def test_refuses_libbpf_outside_the_kernel_room(self):
        self.refuses("agent/capture/x.cpp", "#include <bpf/libbpf.h>\nnamespace sonde::capture {\n}\n", "alone calls libbpf")

    def test_refuses_parsers_of_elf_files_in_the_agent_itself(self):
        self.refuses("agent/unwind/x.cpp", '#include "agent/elf/unwind_table.h"\n#include "agent/elf/elf_file.h"\n'
                     "namespace sonde::unwind {\n}\n", "parsed in the worker alone")

    def test_refuses_a_heavy_header_in_a_header(self):
        self.refuses("profile/x.h", "#include <nlohmann/json.hpp>\nnamespace sonde::profile {\n}\n", "in one .cpp file")

    def test_refuses_names_that_say_nothing(self):
        self.refuses("base/string_util.h", "namespace sonde::base {\n}\n", "says nothing")

    def test_refuses_code_in_no_room(self):
        self.refuses("attic/x.cpp", "int x;\n", "lies in no room")

    def test_refuses_a_large_file(self):
        self.refuses("README.md", "x" * 100_001, "are made, not kept")

    def test_refuses_paths_of_one_machine_and_registries(self):
        self.refuses("README.md", "see /work" + "/shared\n", "no path of one machine")
        self.refuses("deploy/x", "http://deb.debian" + ".org/\n", "address of a registry")


if __name__ == "__main__":
    unittest.main()
