# -*- coding: utf-8 -*-
größe = "straße"
λ = lambda π: π * 2
变量 = {"ключ": "значение", "emoji": "🎉"}
print(größe.upper(), λ("ab"), 变量["ключ"] + 变量["emoji"], len("🎉é"))
for 字 in "日本": print(字 * 2, ord(字))
ﬁ = 1
print(fi + ﬁ)
raw = r"\n\t" + "\x00\x7f" + "a\tb"
data = b"\x00\xff" + bytes([1, 2]) + bytearray(b"z")
print(repr(raw), data, data[1], data[1:], "x".encode("utf-16"), b"abc".decode())
lone = "\ud800"
print(ascii(lone), repr("quote'\""), "line\nbreak", "tab\there", """triple
text""" + 'x' "implicit"  'joined')
long = "é" * 70000
print(len(long), long[:3], len(long.encode()), (b"x" * 70000)[:2])
words = "the quick brown fox".split()
print({w: len(w) for w in words}, " ".join(reversed(words)), "%s-%d" % ("a", 1), "{}{x}".format(1, x=2))
class Str(str): pass
s = Str("sub")
print(s + "x", s.title(), [s], str(s))
empty = ""
seven, eight = "1234567", "12345678"
print(empty, seven, eight, "ééé", "éééé", "\N{BULLET}")
