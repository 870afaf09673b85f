import re
data = [3, 1, 4, 1, 5]
if (n := len(data)) > 3:
    print(n)
while (item := data.pop()) != 4:
    print(item, (twice := item * 2), twice + 1)
print([y for x in range(5) if (y := x * x) > 3], y)
print((a := 1) + (b := a + 1), a, b, (c := (d := 5)) + c)
if m := re.match(r"(\d+)-(\d+)", "12-34"):
    print(m.group(1), (lo := int(m[1])) < (hi := int(m[2])), lo, hi)
def f(x, y=(z := 10)):
    return (w := x + y) and w
print(f(1), z, f(y=(q := 2), x=q))
print(any((hit := k) > 2 for k in range(6)), hit)
print({(key := "k"): (val := 1)}, key, val, [(first := 9), first])
total = 0
for i in range(3):
    total = (total := total + i) * 2
print(total, not (flag := False), flag, (s := "ab")[0], s)
