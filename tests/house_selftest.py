#!/usr/bin/env python3
"""house_selftest.py CC -- each rule of tools/house.py finds its breach, and only that.

A clean little house passes every rule; then one thing at a time is broken in it, and the rule
must name it. A checker that cannot fail is no check.
"""
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HOUSE = os.path.join(ROOT, "tools", "house.py")

LAYERS = """core  | -          | posix jansson.h
store | core       | sqlite3.h
runtime | core store | -
cli   | core       | posix
tests | core store | posix
"""
CLEAN = {
    "tools/layers.txt": LAYERS,
    "tools/exceptions.txt": "",
    "include/omega/base.h": "#include <stddef.h>\n#define OMEGA_API "
                            "__attribute__((visibility(\"default\")))\n"
                            "OMEGA_API int omega_base(void);\n",
    "include/omega/runtime.h": '#include "omega/base.h"\nOMEGA_API int omega_run(void);\n',
    "src/core/core.h": "#include <stddef.h>\n#include \"omega/base.h\"\n"
                       "int om_core_help(int a);\n",
    "src/core/core.c": '#include "core/core.h"\n#include <unistd.h>\n'
                       "int om_core_help(int a)\n{\n    return a;\n}\n"
                       "int omega_base(void)\n{\n    return 1;\n}\n",
    "src/store/store.h": '#include "core/core.h"\nint om_store_open(void);\n',
    "src/store/store_int.h": "int om_store_inner(void);\n",
    "src/store/store.c": '#include "store/store.h"\n#include <sqlite3.h>\n'
                         '#include "store/store_int.h"\n'
                         "int om_store_inner(void)\n{\n    return omega_base();\n}\n"
                         "int om_store_open(void)\n{\n    return om_core_help(1);\n}\n",
    "src/store/store_test.c": '#include "support/support.h"\n#include "store/store.h"\n'
                              "int main(void)\n{\n    return om_store_open();\n}\n",
    "src/runtime/runtime.h": "int om_runtime_run(void);\n",
    "src/runtime/runtime.c": '#include "runtime/runtime.h"\n#include "omega/runtime.h"\n'
                             "int om_runtime_run(void)\n{\n    return 0;\n}\n"
                             "int omega_run(void)\n{\n    return om_runtime_run();\n}\n",
}
LONG = "int om_long(void)\n{\n" + "    om_core_help(1);\n" * 70 + "}\n"
DEEP = "int om_deep(int a)\n{\n" + "if (a) {\n" * 5 + "a = 0;\n" + "}\n" * 5 + "return a;\n}\n"
TABLE = "static const int rows[] = {\n" + "    1,\n" * 80 + "};\nint om_t(void)\n{\n" \
        "    return rows[0];\n}\n"

# rule, what it must say ("" for nothing), file, text that is added to the file's end (or front).
BREACHES = [
    ("layers", "store may not include runtime", "src/store/store.c", '#include "runtime/runtime.h"'),
    ("layers", "is a private header", "src/runtime/runtime.c", '#include "store/store_int.h"'),
    ("layers", "is not the facade", "src/runtime/runtime.c", '#include "store/sql.h"'),
    ("layers", "", "tests/whole_test.c", '#include "support/support.h"\n#include "store/sql.h"'),
    ("layers", "is a private header", "tests/whole_test.c", '#include "store/store_int.h"'),
    ("layers", "sqlite3.h is closed to runtime", "src/runtime/runtime.c", "#include <sqlite3.h>"),
    ("layers", "jansson.h is closed to store", "src/store/store.h", "#include <jansson.h>"),
    ("layers", "store has no system headers", "src/store/store.c", "#include <unistd.h>"),
    ("layers", "without its folder", "src/store/store.c", '#include "store_int.h"'),
    ("layers", "in no folder", "src/store/store.c", '#include "nowhere/nowhere.h"'),
    ("layers", "a public header includes", "include/omega/base.h", '#include "core/core.h"'),
    ("layers", "test support outside", "src/store/store.c", '#include "support/support.h"'),
    ("layers", "is included first", "src/store/store.c", "<#include <stdio.h>\n"),
    ("layers", "includes support/support.h first", "src/store/store_test.c", "<#include <stdio.h>\n"),
    ("layers", "points up", "tools/layers.txt", "ops | skin | -\nskin | core | -\n"),
    ("layers", "core stands twice", "tools/layers.txt", "core | store | -\n"),
    ("layers", "has no row", "src/attic/attic.c", '#include "core/core.h"'),
    ("layers", "", "src/store/store.c", '/* #include "runtime/runtime.h" */'),
    ("layers", "", "src/store/store_test.c", "#include <unistd.h>"),
    ("sizes", "om_long has 73 lines", "src/core/core.c", LONG),
    ("sizes", "", "src/core/core.c", TABLE),
    ("sizes", "om_deep nests 5 deep", "src/core/core.c", DEEP),
    ("sizes", "", "src/core/core.c", "int om_v(void)\n{\n    int a[2][2] = {{1, 2}, {3, 4}};\n"
                                     "    if (a[0][0]) {\n        return 1;\n    }\n"
                                     "    return 0;\n}\n"),
    ("sizes", "om_many takes 6 parameters", "src/core/core.h",
     "int om_many(int a, int b, int c, int d,\n            int (*e)(int, int), int f);\n"),
    ("sizes", "", "src/core/core.h", "int om_five(int a, int b, int c, int d, const char *e, ...)\n"
                                     "    __attribute__((format(printf, 5, 6)));\n"),
    ("sizes", "101 columns", "src/core/core.h", "/* " + "x" * 95 + " */"),
    ("sizes", "a tab", "src/core/core.h", "int\tom_tab;"),
    ("sizes", "1002 lines", "src/store/store_int.h", "\n" * 1001),
    ("banned", "strcpy is not used here", "src/store/store_test.c", "void f(void) { strcpy(a, b); }"),
    ("banned", "printf is not for the library", "src/core/core.c", 'void f(void) { printf("x"); }'),
    ("banned", "malloc is core's", "src/store/store.c", "void *f(void) { return malloc(1); }"),
    ("banned", "pthread_mutex_lock is core's", "src/store/store.c",
     "void f(void) { pthread_mutex_lock(m); }"),
    ("banned", "", "src/cli/main.c", 'int main(void) { printf("malloc(1)"); }'),
    ("banned", "", "src/core/core.c", "void f(void) { s->printf(x); /* strcpy(a, b) */ }"),
    ("banned", "the word TO" "DO", "docs/plan.md", "TO" "DO: more"),
    ("banned", "", "docs/plan.md", "mkstemp /tmp/x-XXXXXX"),
    ("banned", "nothing to excuse", "tools/exceptions.txt", "banned | src/core/core.c | abort | x"),
    ("names", "also", "src/runtime/store.c", "int om_x;"),
    ("names", "no typedef", "src/store/store.h", "typedef struct om_thing { int a; } om_thing;"),
    ("docs", "core/none.md is not there", "src/README.md", "[core](core/none.md)"),
    ("docs", "", "src/README.md", "[core](core/core.h#x) and [a](https://a.example/) `[b](c)`"),
    ("docs", "man/omega.1", "man/omega.1", ".Dd November 22, 2026\n.Dt OMEGA 1\n.Os\n.Sh NOMEN\n"),
    ("docs", "", "man/omega.1", ".Dd November 22, 2026\n.Dt OMEGA 1\n.Os\n.Sh NAME\n.Nm omega\n"
                                ".Nd memory for agents\n.Sh DESCRIPTION\nIt remembers.\n"),
    ("symbols", "store.c.o calls omega_run", "src/store/store.c",
     "int omega_run(void);\nint om_up(void)\n{\n    return omega_run();\n}\n"),
    ("symbols", "reaches runtime by om_runtime_run", "src/store/store.c",
     "int om_runtime_run(void);\nint om_up(void)\n{\n    return om_runtime_run();\n}\n"),
    ("symbols", "naked is not om_*", "src/store/store.c", "int naked(void)\n{\n    return 0;\n}\n"),
    ("headers", "not alone", "src/store/store.h", "int om_store_size(struct_less thing);\n"),
    ("headers", "not alone as -std=c++11", "include/omega/base.h", "int omega_new(int class);\n"),
    ("headers", "not alone as -std=c99", "include/omega/base.h",
     "_Static_assert(sizeof(int) == 4, \"int\");\n"),
    ("exports", "omega_gone is promised", "include/omega/base.h",
     "OMEGA_API int omega_gone(void);\n"),
    ("exports", "omega_data is data", "src/core/core.c", "OMEGA_API int omega_data = 1;\n"),
    ("exports", "om_leak is not public", "src/core/core.c",
     "OMEGA_API int om_leak(void)\n{\n    return 0;\n}\n"),
    ("exports", "omega_more is there, in no public header", "src/core/core.c",
     "OMEGA_API int omega_more(void)\n{\n    return 0;\n}\n"),
]


def plant(root, breach):
    files = dict(CLEAN)
    if breach:
        _, _, path, text = breach
        old = files.get(path, "")
        files[path] = text[1:] + old if text.startswith("<#") \
            else old + text
        if not files[path].endswith("\n"):
            files[path] += "\n"
    for path, text in files.items():
        target = os.path.join(root, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)


def compile_house(root, cc):
    """Objects where CMake would put them, and a shared library of them."""
    objects = []
    for folder in ("core", "store", "runtime"):
        out = os.path.join(root, "b", "CMakeFiles", f"om_{folder}.dir")
        os.makedirs(out)
        objects.append(os.path.join(out, f"{folder}.c.o"))
        subprocess.run([cc, "-std=gnu11", "-w", "-fPIC", "-fvisibility=hidden", "-include",
                        "stddef.h", "-Isrc", "-Iinclude", "-I.", "-c",
                        f"src/{folder}/{folder}.c", "-o", objects[-1]], cwd=root, check=True)
    library = os.path.join(root, "b", "libomega.so")
    subprocess.run([cc, "-shared", "-o", library] + objects, check=True)
    return library


def run(rule, breach, cc):
    with tempfile.TemporaryDirectory() as root:
        plant(root, breach)
        arguments = []
        if rule in ("symbols", "exports"):
            # sqlite3.h is not what is tested here.
            with open(os.path.join(root, "sqlite3.h"), "w", encoding="utf-8"):
                pass
            library = compile_house(root, cc)
            arguments = [os.path.join(root, "b") if rule == "symbols" else library]
        elif rule == "headers":
            arguments = [cc, "c++"]
        result = subprocess.run([sys.executable, HOUSE, "--root", root, rule] + arguments,
                                capture_output=True, text=True, check=False)
        return result.returncode, result.stdout + result.stderr


def main():
    cc = sys.argv[1] if len(sys.argv) > 1 else "cc"
    failed = 0
    cases = [(rule, "", None) for rule in ("layers", "sizes", "banned", "names", "docs", "symbols",
                                           "exports", "headers")]
    cases += [(breach[0], breach[1], breach) for breach in BREACHES]
    for rule, wanted, breach in cases:
        status, text = run(rule, breach, cc)
        good = status == 1 and wanted in text if wanted else status == 0
        name = f"{rule}: {wanted or 'nothing to say'}" + (f" ({breach[2]})" if breach else "")
        print(f"[{'       OK ' if good else '  FAILED  '}] {name.replace(':', '')}")
        if not good:
            failed += 1
            print(f"    status {status}, wanted {wanted!r}:\n{text}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
