name, width, value = "x", 10, 3.14159
for i in range(3):
    print(f"{name}{i}: {value * i:>{width}.{i + 1}f}|{name!r:^{width}}|{i:03d}")
print(f"{'nested ' + f'{value:.2f}'} {{literal}} {value!s:.4}")
print(f"{[n * 2 for n in range(3)]} {(lambda q: q + 1)(2)} {sum(k for k in range(4))}")
print(f"{i=} {value + 1=:.1f}")
print(f"{name}" f"{i}" "plain" rf"\{name}")
print(f"""{
    name.upper()
} multi {
    value
    + 1
}""")
total = 0
for part in (f"{i}" for i in range(2)):
    total += int(f"{part}{part}")
print(total, f"{total:{'>' if total else '<'}{6}}")
