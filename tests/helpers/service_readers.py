"""How systemd, PowerShell and Windows read back what we write: small readers of their quoting, after their manuals."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SPACES = " \t\n\r"
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}


def systemd_words(line: str) -> list[str]:
    """Split as systemd.syntax(7) says: quotes around whole items, C escapes, then `%%`."""
    words, at = [], 0
    while at < len(line):
        if line[at] in _SPACES:
            at += 1
            continue
        quote = line[at] if line[at] in "'\"" else ""
        at += bool(quote)
        word = ""
        while at < len(line) and (line[at] != quote if quote else line[at] not in _SPACES):
            if line[at] == "\\":
                at += 1
                assert line[at] in {*_ESCAPES, "\\", '"', "'"}, "an escape that systemd refuses"
                word += _ESCAPES.get(line[at], line[at])
            else:
                word += line[at]
            at += 1
        if quote:
            assert at < len(line), "an open quotation"
            at += 1
            assert at == len(line) or line[at] in _SPACES, "a closing quote that no space follows"
        assert not re.search("%[^%]", word.replace("%%", "")), "a specifier"
        assert word.replace("%%", "").count("%") == 0, "a lone per cent sign"
        words.append(word.replace("%%", "%"))
    return words


def systemd_command(line: str, environment: Mapping[str, str]) -> list[str]:
    """Return the arguments that a program gets, after variables are put in (systemd.service(5), command lines)."""
    program, *arguments = systemd_words(line)
    if program.startswith(":"):
        return [program[1:], *arguments]
    assert program.startswith("/")
    assert "${" not in program
    words = [program]
    for word in arguments:
        if re.fullmatch(r"\$[A-Za-z_]\w*", word):
            words += environment.get(word[1:], "").split()
        else:
            words.append(
                re.sub(r"\$(?:\$|\{(\w+)\})", lambda found: environment.get(found[1], "") if found[1] else "$", word)
            )
    return words


def powershell_strings(line: str) -> list[str]:
    """Return the single-quoted strings of a line. PowerShell takes four typographic marks for the same quote."""
    quotes, strings, at = "'\u2018\u2019\u201a\u201b", [], 0
    while at < len(line):
        at += 1
        if line[at - 1] not in quotes:
            continue
        text = ""
        while line[at] not in quotes or (line[at + 1 : at + 2] and line[at + 1] in quotes):
            at += line[at] in quotes
            text += line[at]
            at += 1
        at += 1
        strings.append(text)
    return strings


def windows_arguments(line: str) -> list[str]:
    """Split as Microsoft's C runtime: 2n backslashes before a quote are n, one more makes it a character."""
    arguments, current, quoted, begun = [], "", False, False
    for slashes, char in re.findall(r"(\\*)(.|$)", line, re.DOTALL):
        if char == '"':
            current += "\\" * (len(slashes) // 2)
            begun = True
            if len(slashes) % 2:
                current += '"'
            else:
                quoted = not quoted
            continue
        current += slashes
        begun = begun or bool(slashes)
        if char and (quoted or char not in " \t"):
            current, begun = current + char, True
        elif begun:
            arguments.append(current)
            current, begun = "", False
    return arguments
