#!/usr/bin/env python3
"""tools/house.py -- the rules of the house, checked.

    house.py [--root DIR] layers    includes and edges, as tools/layers.txt draws them
    house.py [--root DIR] sizes     lengths of functions, files and lines, nesting, parameters
    house.py [--root DIR] banned    calls and words that are not used here
    house.py [--root DIR] names     unique file names, no typedef of internal structs
    house.py [--root DIR] docs      links of the documents lead somewhere, man pages are clean
    house.py symbols BUILD          what the objects of a folder call, define and leave open
    house.py exports LIB.so         the shared library shows functions only, all omega_*
    house.py headers CC CXX         each header stands alone; public ones as C99 and C++11

It reads C by tokens, not by a grammar: comments and texts are blanked, braces are matched. What a
rule does not fit is excused by a line of tools/exceptions.txt with its reason; an excuse that is
not needed is a failure. Exit status 0 means that nothing was found.
"""
import os
import re
import subprocess
import sys
import tempfile

FUNCTION_LINES, FILE_LINES, COLUMNS, NESTING, PARAMETERS = 70, 1000, 100, 4, 5
ROOMS = ("src", "include", "tests", "bench", "fuzz", "examples")
SKINS = ("cli", "mcp", "server")
# endian.h is POSIX since 2024 and calls nothing.
ISO_C = set("""assert.h complex.h ctype.h endian.h errno.h fenv.h float.h inttypes.h iso646.h limits.h
    locale.h math.h setjmp.h signal.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h
    stdio.h stdlib.h stdnoreturn.h string.h tgmath.h threads.h time.h uchar.h wchar.h
    wctype.h""".split())


class House:
    """A tree, its excuses, and what was found wrong."""

    def __init__(self, root):
        self.root = root
        self.found = []
        self.excuses = {}
        self.used = set()
        for row in self.table("tools/exceptions.txt", 4):
            self.excuses[(row[0], row[1], row[2])] = row[3]

    def table(self, path, columns):
        try:
            lines = self.read(path).split("\n")
        except FileNotFoundError:
            return []
        rows = []
        for line in lines:
            if line.strip() and not line.startswith("#"):
                row = [cell.strip() for cell in line.split("|")]
                if len(row) != columns:
                    raise SystemExit(f"{path}: a row has {columns} cells: {line}")
                rows.append(row)
        return rows

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    def files(self):
        """Every file of the tree but what is built, hidden or foreign."""
        for base, folders, names in os.walk(self.root):
            folders[:] = sorted(f for f in folders
                                if f not in (".git", "build", "dist", "corpus", "__pycache__"))
            for name in sorted(names):
                yield os.path.relpath(os.path.join(base, name), self.root)

    def sources(self):
        for path in self.files():
            if path.endswith((".c", ".h")) and path.split("/")[0] in ROOMS:
                yield path

    def wrong(self, rule, path, name, line, text):
        if (rule, path, name) in self.excuses:
            self.used.add((rule, path, name))
            return
        place = f"{path}:{line}" if line else path
        self.found.append(f"{place}: {rule}: {text}")

    def close(self, rules):
        for key in self.excuses:
            if key[0] in rules and key not in self.used:
                self.found.append(f"tools/exceptions.txt: nothing to excuse: {' | '.join(key)}")
        for text in self.found:
            print(text)
        return 1 if self.found else 0


# ---- Reading C ------------------------------------------------------------------------------

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
NAMED_PARENS = re.compile(r"([A-Za-z_]\w*)\s*$")


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def strip_texts(text):
    """The code with comments and texts blanked; positions and lines stay."""
    return TOKEN.sub(lambda m: blank(m.group()), text)


def strip_all(text):
    return DIRECTIVE.sub(lambda m: blank(m.group()), strip_texts(text))


def matching_paren(code, close):
    depth = 0
    for i in range(close, -1, -1):
        if code[i] == ")":
            depth += 1
        elif code[i] == "(":
            depth -= 1
            if depth == 0:
                return i
    return -1


def word_before(code, position):
    match = NAMED_PARENS.search(code[max(0, position - 120):position])
    return match.group(1) if match else ""


def declarator(head):
    """(name, parameters) of a function's declaration, or None."""
    best, depth, start = None, 0, 0
    for i, c in enumerate(head):
        if c == "(":
            if depth == 0:
                start = i
            depth += 1
        elif c == ")":
            depth -= 1
            name = word_before(head, start)
            annotation = name.startswith("__") or name.upper() == name
            if depth == 0 and name and not annotation and best is None:
                best = (name, head[start + 1:i])
    return best


def count_parameters(text):
    if text.strip() in ("", "void"):
        return 0
    depth, count, last = 0, 1, 0
    for i, c in enumerate(text):
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            count += 1
            last = i + 1
    return count - 1 if text[last:].strip() == "..." else count


def opens_block(code, position):
    """Is the brace at `position`, inside a function, a block rather than a list of values?"""
    before = code[:position].rstrip()
    if not before or before[-1] in ";{}:":
        return True
    if before[-1] == ")":
        open_paren = matching_paren(code, len(before) - 1)
        name = word_before(code, open_paren)
        return name not in ("", "return", "sizeof")
    return word_before(code, position) in ("else", "do")


def functions(code):
    """Yields (name, parameters, first line, last line or None, deepest nesting)."""
    start, stack, current, parens = 0, [], None, 0
    for i, c in enumerate(code):
        if c in "()":
            parens += 1 if c == "(" else -1
        if c == ";" and not stack and parens == 0:
            found = declarator(code[start:i])
            head = code[start:i]
            if found and "=" not in head.split("(")[0] and not head.lstrip().startswith("typedef"):
                yield found[0], found[1], line_of(code, start, head), None, 0
            start = i + 1
        elif c == "{":
            head = code[start:i]
            if not stack and head.split() == ["extern"]:
                start = i + 1
                continue
            if not stack:
                found = declarator(head)
                is_function = found and "=" not in head and head.rstrip()[-1:] in (")", ";") or \
                    found and re.search(r"\)\s*(OM_\w+|__attribute__.*)\s*$", head, re.S)
                if is_function:
                    current = [found[0], found[1], line_of(code, start, head), 0]
                stack.append("body" if is_function else "data")
            else:
                block = current is not None and opens_block(code, i)
                stack.append("block" if block else "data")
                if block:
                    current[3] = max(current[3], stack.count("block"))
        elif c == "}":
            if stack:
                stack.pop()
                if not stack:
                    if current:
                        yield (current[0], current[1], current[2], code.count("\n", 0, i) + 1,
                               current[3])
                        current = None
                    start = i + 1
            else:
                start = i + 1


def line_of(code, start, head):
    return code.count("\n", 0, start + len(head) - len(head.lstrip())) + 1


# ---- Layers ---------------------------------------------------------------------------------

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


class Layers:
    def __init__(self, house):
        self.below, self.outside, self.order = {}, {}, []
        for folder, may, outside in house.table("tools/layers.txt", 3):
            if folder in self.order:
                house.wrong("layers", "tools/layers.txt", folder, 0, f"{folder} stands twice")
            self.order.append(folder)
            self.below[folder] = set(may.split()) - {"-"}
            self.outside[folder] = set(outside.split()) - {"-"}
        self.foreign = set().union(*self.outside.values()) - {"posix"}

    def names(self, folder, header):
        for pattern in self.outside[folder]:
            if pattern == header or pattern.endswith("/*") and header.startswith(pattern[:-1]):
                return True
        return False

    def is_foreign(self, header):
        return any(self.names(folder, header) for folder in self.order)


def room_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "src" else parts[0]


def check_include(house, layers, path, line, kind, header):
    room = room_of(path)
    test = path.endswith("_test.c") or room == "tests"
    wrong = lambda text: house.wrong("layers", path, header, line, text)
    if room == "include":
        if not (kind == '"' and header.startswith("omega/")) and header not in ISO_C:
            wrong(f"a public header includes {header}")
    elif room not in layers.below:
        wrong(f"folder {room} has no row in tools/layers.txt")
    elif header.startswith("omega/"):
        pass
    elif kind == "<":
        if layers.is_foreign(header):
            if not layers.names(room, header) and not (test and header == "cmocka.h"):
                wrong(f"{header} is closed to {room}")
        elif header not in ISO_C and not test and "posix" not in layers.outside[room]:
            wrong(f"{room} has no system headers ({header}): core/os.h stands for them")
    else:
        check_own_include(house, layers, path, line, header)


def check_own_include(house, layers, path, line, header):
    room = room_of(path)
    wrong = lambda text: house.wrong("layers", path, header, line, text)
    target = header.split("/")[0] if "/" in header else ""
    if target == "support":
        if not (path.endswith("_test.c") or room in ("tests", "bench", "fuzz")):
            wrong("test support outside of a test")
    elif room in ("tests", "bench", "fuzz", "examples") and target in ("", room):
        pass
    elif target == "":
        wrong(f'"{header}" is written without its folder')
    elif target == room:
        pass
    elif target not in layers.below:
        wrong(f"{header} is in no folder of tools/layers.txt")
    elif target not in layers.below[room]:
        wrong(f"{room} may not include {target} ({header})")
    elif header != f"{target}/{target}.h" and \
            (path.startswith("src/") or header.endswith("_int.h")):
        kind = "a private header" if header.endswith("_int.h") else "not the facade"
        wrong(f"{header} is {kind} of {target}")


def check_layers(house):
    layers = Layers(house)
    for folder in layers.order:
        for lower in layers.below[folder]:
            if lower not in layers.order or layers.order.index(lower) >= layers.order.index(folder):
                house.wrong("layers", "tools/layers.txt", folder, 0, f"{folder} points up: {lower}")
    for path in house.sources():
        text = house.read(path)
        code = re.sub(r"/\*.*?\*/", lambda m: blank(m.group()), text, flags=re.S)
        includes = [(code.count("\n", 0, m.start()) + 1, m.group(1), m.group(2))
                    for m in INCLUDE.finditer(code)]
        for line, kind, header in includes:
            check_include(house, layers, path, line, kind, header)
        check_own_first(house, path, [header for _, _, header in includes])
    return house.close(("layers",))


def check_own_first(house, path, headers):
    if not path.startswith("src/") or not path.endswith(".c"):
        return
    own = path[len("src/"):-1] + "h"
    first = headers[0] if headers else ""
    if path.endswith("_test.c"):
        if first != "support/support.h":
            house.wrong("layers", path, "first", 1, "a test includes support/support.h first")
    elif own in headers and first != own:
        house.wrong("layers", path, "first", 1, f"{own} is included first")


# ---- Sizes ----------------------------------------------------------------------------------

def check_sizes(house):
    for path in house.sources():
        text = house.read(path)
        lines = text.split("\n")
        if "Generated by tools/" in text[:400]:
            continue
        if len(lines) - 1 > FILE_LINES:
            house.wrong("file", path, "-", 0, f"{len(lines) - 1} lines, {FILE_LINES} is the end")
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS:
                house.wrong("columns", path, "-", number, f"{len(line)} columns")
            if "\t" in line or line != line.rstrip():
                house.wrong("blanks", path, "-", number, "a tab, or blanks at the end")
        for name, parameters, first, last, nesting in functions(strip_all(text)):
            check_function(house, path, name, (parameters, first, last, nesting))
    return house.close(("file", "columns", "blanks", "length", "nesting", "parameters"))


def check_function(house, path, name, shape):
    parameters, first, last, nesting = shape
    length = last - first + 1 if last else 0
    kernel = path.startswith("src/simd/") and not path.endswith("_test.c")
    if length > FUNCTION_LINES and not kernel:
        house.wrong("length", path, name, first, f"{name} has {length} lines")
    if nesting > NESTING:
        house.wrong("nesting", path, name, first, f"{name} nests {nesting} deep")
    if count_parameters(parameters) > PARAMETERS:
        house.wrong("parameters", path, name, first,
                    f"{name} takes {count_parameters(parameters)} parameters")


# ---- Banned ---------------------------------------------------------------------------------

ANYWHERE = """strcpy strcat stpcpy sprintf vsprintf atoi atol atoll atof strtok rand srand random
    gets alloca setjmp longjmp tmpnam mktemp""".split()
LIBRARY = """printf vprintf fprintf vfprintf puts fputs putchar putc fputc perror exit _exit
    quick_exit abort assert system popen""".split()
CORE_ONLY = """malloc calloc realloc free strdup strndup time clock clock_gettime gettimeofday
    sleep usleep nanosleep getenv""".split()
WORDS = ("TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK")


def banned_calls(path):
    names = {name: "is not used here" for name in ANYWHERE}
    parts = path.split("/")
    if parts[0] == "src" and parts[1] not in SKINS and not path.endswith("_test.c"):
        names.update((name, "is not for the library") for name in LIBRARY)
        if parts[1] != "core":
            names.update((name, "is core's: alloc.h, clock.h, os.h") for name in CORE_ONLY)
            names["pthread_*"] = "is core's: thread.h"
    return names


def check_banned(house):
    call = re.compile(r"(?<![\w.>])([A-Za-z_]\w*)\s*\(")
    for path in house.sources():
        code = strip_texts(house.read(path))
        names = banned_calls(path)
        for match in call.finditer(code):
            name = match.group(1)
            key = "pthread_*" if name.startswith("pthread_") else name
            if key in names:
                house.wrong("banned", path, name, code.count("\n", 0, match.start()) + 1,
                            f"{name} {names[key]}")
    words = re.compile(r"\b(" + "|".join(WORDS) + r")\b")
    for path in house.files():
        try:
            text = house.read(path)
        except UnicodeDecodeError:
            continue
        for match in words.finditer(text):
            house.wrong("words", path, match.group(1), text.count("\n", 0, match.start()) + 1,
                        f"the word {match.group(1)}: do it or write it down elsewhere")
    return house.close(("banned", "words"))


# ---- Names ----------------------------------------------------------------------------------

def check_names(house):
    seen = {}
    for path in house.sources():
        name = os.path.basename(path)
        # omega/memory.h stands for memory/memory.h towards the world: a pair, not a clash; an
        # example is named for its reader.
        room = path.split("/")[0]
        key = (room, name) if room in ("include", "examples") else name
        if key in seen:
            house.wrong("names", path, name, 0, f"also {seen[key]}")
        seen[key] = path
    for path in house.sources():
        code = strip_all(house.read(path))
        if path.startswith("src/") and path.endswith(".h"):
            check_typedefs(house, path, code)
    return house.close(("names",))


def check_typedefs(house, path, code):
    for match in re.finditer(r"\btypedef\s+(struct|union|enum)\b", code):
        house.wrong("names", path, "typedef", code.count("\n", 0, match.start()) + 1,
                    "an internal struct carries no typedef")


# ---- Documents ------------------------------------------------------------------------------

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def check_docs(house):
    pages = []
    for path in house.files():
        if path.endswith(".md"):
            text = re.sub(r"```.*?```|`[^`\n]*`", lambda m: blank(m.group()), house.read(path),
                          flags=re.S)
            for match in LINK.finditer(text):
                target = match.group(1)
                place = os.path.join(house.root, os.path.dirname(path), target)
                if not re.match(r"[a-z]+:", target) and not os.path.exists(place):
                    house.wrong("docs", path, target, text.count("\n", 0, match.start()) + 1,
                                f"{target} is not there")
        elif re.fullmatch(r"man/[^/]+\.[1-8]", path):
            pages.append(path)
    for page in pages:
        result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning,stop", page], text=True,
                                cwd=house.root, capture_output=True, check=False)
        for line in result.stdout.strip().split("\n"):
            # A page may name pages that stand beside it but are not installed yet.
            if line and "referenced manual not found" not in line:
                house.wrong("docs", page, "-", 0, line)
    return house.close(("docs",))


# ---- Objects --------------------------------------------------------------------------------

def nm(arguments):
    result = subprocess.run(["nm", "-P"] + arguments, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(result.stderr.strip())
    for line in result.stdout.split("\n"):
        fields = line.split()
        if len(fields) >= 2 and not line.endswith(":"):
            yield fields[0], fields[1]


def objects_of(build, folder):
    base = os.path.join(build, "CMakeFiles", f"om_{folder}.dir")
    for where, _, names in os.walk(base):
        for name in sorted(names):
            if name.endswith(".o"):
                yield os.path.join(where, name)


def check_symbols(house, build):
    layers = Layers(house)
    defined, wanted = {}, {}
    for folder in layers.order:
        for path in objects_of(build, folder):
            for name, kind in nm([path]):
                if kind == "U" and name.startswith(("om_", "omega_")):
                    wanted.setdefault(folder, {}).setdefault(name, os.path.basename(path))
                elif kind in "TDBRC" and kind.isupper():
                    defined.setdefault(name, folder)
                    # A skin is a program of its own, linked by nobody: its names are free.
                    if folder not in SKINS and not name.startswith(("om_", "omega_", "_", ".")):
                        house.wrong("symbols", f"src/{folder}", name, 0, f"{name} is not om_*")
    if "core" not in set(defined.values()):
        house.wrong("symbols", build, "-", 0, "no objects of core: build first")
    for folder, names in wanted.items():
        for name, user in sorted(names.items()):
            check_symbol(house, layers, folder, (name, user, defined.get(name)))
    return house.close(("symbols",))


def check_symbol(house, layers, folder, use):
    name, user, owner = use
    below = layers.order.index(folder) < layers.order.index("runtime")
    if name.startswith("omega_") and below and owner not in ("core", folder):
        house.wrong("symbols", f"src/{folder}", name, 0,
                    f"{user} calls {name}, the public surface above it")
    elif name.startswith("om_") and owner not in (None, folder) and \
            owner not in layers.below[folder]:
        house.wrong("symbols", f"src/{folder}", name, 0, f"{user} reaches {owner} by {name}")


def check_exports(house, library):
    names = [(name.split("@")[0], kind) for name, kind in nm(["-D", "--defined-only", library])]
    functions_shown = {name for name, kind in names if kind in "TW"}
    for name, kind in names:
        if re.fullmatch(r"OMEGA_\d+", name) and kind == "A":
            continue
        if kind not in "TW":
            house.wrong("exports", library, name, 0, f"{name} is data ({kind})")
        elif not name.startswith("omega_"):
            house.wrong("exports", library, name, 0, f"{name} is not public")
    promised = promised_functions(house)
    for name in sorted(promised - functions_shown):
        house.wrong("exports", library, name, 0, f"{name} is promised by a header, not there")
    for name in sorted(functions_shown - promised):
        house.wrong("exports", library, name, 0, f"{name} is there, in no public header")
    if not functions_shown:
        house.wrong("exports", library, "-", 0, "shows nothing")
    return house.close(("exports",))


def promised_functions(house):
    names = set()
    for path in house.sources():
        if path.startswith("include/"):
            code = strip_all(house.read(path))
            for match in re.finditer(r"\bOMEGA_API\b([^;{]*);", code):
                found = declarator(match.group(1).replace("OMEGA_MUST_CHECK", ""))
                if found:
                    names.add(found[0])
    return names


# ---- Headers --------------------------------------------------------------------------------

def check_headers(house, compilers):
    cc, cxx = compilers
    strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-Iinclude", "-Isrc"]
    with tempfile.TemporaryDirectory() as folder:
        for path in house.sources():
            if not path.endswith(".h") or path.split("/")[0] not in ("src", "include"):
                continue
            public = path.startswith("include/")
            lanes = [[cc, "-x", "c", "-std=c99"], [cxx, "-x", "c++", "-std=c++11"]] if public \
                else [[cc, "-x", "c", "-std=gnu11", "-D_GNU_SOURCE"]]
            unit = os.path.join(folder, "alone")
            with open(unit, "w", encoding="utf-8") as file:
                file.write(f'#include "{path.split("/", 1)[1]}"\nint om_alone;\n')
            for lane in lanes:
                result = subprocess.run(lane + strict + [unit], cwd=house.root, text=True,
                                        capture_output=True, check=False)
                if result.returncode != 0:
                    first = result.stderr.strip().split("\n")[0]
                    house.wrong("headers", path, lane[3], 0, f"not alone as {lane[3]}: {first}")
    return house.close(("headers",))


def main(arguments):
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if arguments[:1] == ["--root"]:
        root = os.path.abspath(arguments[1])
        arguments = arguments[2:]
    checks = {"layers": (check_layers, 0), "sizes": (check_sizes, 0), "banned": (check_banned, 0),
              "names": (check_names, 0), "docs": (check_docs, 0),
              "symbols": (check_symbols, 1),
              "exports": (check_exports, 1), "headers": (check_headers, 2)}
    if not arguments or arguments[0] not in checks or \
            len(arguments) - 1 != checks[arguments[0]][1]:
        print(__doc__, file=sys.stderr)
        return 2
    check, count = checks[arguments[0]]
    house = House(root)
    return check(house, *([arguments[1]] if count == 1 else [arguments[1:]] if count else []))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
