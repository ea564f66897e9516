#!/usr/bin/env python3
"""tools/wrap.py FILE... -- wrap the comment lines of C files that are longer than 100 columns.

clang-format could, but it would run the labelled paragraphs of a header ("Threads:  ...") together.
This moves only the words that stand too far right: to the next line when that goes on with the same
indentation, else to a line of its own, which hangs under its label. A rule (/* ---- x ---- */) loses
dashes. What is not a comment, or has no blank to break at, is left as it is.
"""
import re
import sys

COLUMNS = 100
RULE = re.compile(r"^(\s*/\* -{2,} .*? )(-+)( \*/)$")
START = re.compile(r"^(\s*)/\* (?! *-{3})")
MIDDLE = re.compile(r"^(\s*)\* (?=.*\S)")
LABEL = re.compile(r"^ *(?:[A-Z]\w+:|-|\d+\.|[\w.()*]+(?=  )) +(?=\S)")


def hang_of(text, rest):
    """How far a line that continues `text` is indented, when `rest` is the next line's text."""
    label = LABEL.match(text)
    own = len(rest) - len(rest.lstrip())
    if label and (own == label.end() or label.group().endswith("  ")):
        return label.end()
    return len(text) - len(text.lstrip())


def split_at_column(line, least):
    """(kept, moved): at the last blank that lets `kept` fit."""
    cut = line.rfind(" ", least, COLUMNS + 1)
    if line[cut:].strip() == "*/":
        cut = line.rfind(" ", least, cut)
    return (line[:cut].rstrip(), line[cut:].strip()) if cut > least else (line, "")


def wrap_line(lines, i, prefix, text):
    """Makes lines[i] fit; the next line takes the rest, or a new one does."""
    next_prefix = re.match(r"\s*", prefix).group() + (" * " if "/*" in prefix else "* ")
    following = lines[i + 1] if i + 1 < len(lines) else ""
    rest = following[len(next_prefix):] if following.startswith(next_prefix) else ""
    hang = hang_of(text, rest)
    kept, moved = split_at_column(lines[i], len(prefix) + hang)
    if not moved:
        return
    lines[i] = kept
    own = len(rest) - len(rest.lstrip())
    if rest and "*/" not in moved and own == hang and not LABEL.match(rest):
        lines[i + 1] = next_prefix + " " * hang + moved + " " + rest.lstrip()
    else:
        lines.insert(i + 1, next_prefix + " " * hang + moved)


def wrap(text):
    lines = text.split("\n")
    i, inside = 0, False
    while i < len(lines):
        line = lines[i]
        start, middle = START.match(line), inside and MIDDLE.match(line)
        rule = RULE.match(line)
        if len(line) > COLUMNS and rule:
            lines[i] = rule.group(1) + rule.group(2)[: COLUMNS - len(line)] + rule.group(3)
        elif len(line) > COLUMNS and (start or middle):
            prefix = (start or middle).group(0)
            wrap_line(lines, i, prefix, line[len(prefix):])
            line = lines[i]
        if START.match(line) or re.match(r"^\s*/\*", line):
            inside = True
        if "*/" in lines[i]:
            inside = False
        i += 1
    return "\n".join(lines)


def main():
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            old = file.read()
        new = wrap(old)
        if new != old:
            with open(path, "w", encoding="utf-8") as file:
                file.write(new)
            print(f"wrapped {path}", file=sys.stderr)


if __name__ == "__main__":
    main()
