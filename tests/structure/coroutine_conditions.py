#!/usr/bin/env python3
"""Fails where a co_await stands in the condition of an if, a while or a for.

g++ 12 lays out the frame of such a coroutine wrongly if no local variable is declared before it: the awaited temporary is
put in front of the resume pointer, and the coroutine jumps into nowhere. A declared variable is safe:
  if (const auto ec = co_await read()) …        if (const bool ok = co_await ready(); !ok) …
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEAD = re.compile(r"\b(if|while|for|switch) \(")
DECLARED = re.compile(r"^(const )?[\w:<>]+[&*]? [\w]+ = co_await\b")
COMMENT = re.compile(r"//[^\n]*")


def condition_at(text, start):
    depth = 0
    for i in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return text[start + 1:i]
    return text[start + 1:]


def check(name, text):
    text = COMMENT.sub("", text)
    problems = []
    for match in HEAD.finditer(text):
        condition = condition_at(text, match.end() - 1)
        if "co_await" not in condition or DECLARED.match(condition) and condition.count("co_await") == 1:
            continue
        # A lambda coroutine among the arguments has statements of its own.
        if "-> " in condition and "{" in condition:
            continue
        line = text.count("\n", 0, match.start()) + 1
        problems.append(f"{name}:{line}: co_await in a condition: {match.group(1)} ({condition.strip()[:80]})")
    return problems


def self_test():
    bad = ["if (!co_await ready()) co_return;", "while (co_await next()) {}", "if (a && co_await b()) {}",
           "if (auto x = f(); co_await g(x)) {}"]
    good = ["if (const auto ec = co_await read(m)) co_return;", "if (const bool ok = co_await ready(); !ok) {}",
            "if (ok) co_await go();", "// if (co_await x)\n"]
    return [t for t in bad if not check("bad", t)] + [t for t in good if check("good", t)]


def main():
    problems, seen = [], 0
    for folder in ("proto", "hub", "device-agent", "tests"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".h", ".cpp") and "node_modules" not in path.parts:
                text = path.read_text()
                seen += text.count("co_await")
                problems += check(str(path.relative_to(ROOT)), text)
    for problem in problems:
        print(problem)
    broken = self_test()
    if broken:
        print("the check itself is broken:", broken)
    failed = int(bool(broken)) + int(bool(problems) or seen < 50)
    print(f"{2 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
