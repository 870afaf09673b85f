data = list(range(20))
n = 3
print(data[n], data[n:], data[:n], data[n : n + 4], data[::n], data[-n:], data[n:None:2], data[slice(1, n)])
for start in range(2):
    for stop in range(start + 2, 6, 2):
        part = data[start:stop]
        print(part[0], part[-1], part[len(part) // 2 :])
matrix = [[r * c for c in range(4)] for r in range(4)]
print([row[1:3] for row in matrix[1:]], matrix[n][n])
text = "a,b;c"
print(text[text.index(",") + 1 : text.index(";")])
data[2:5], tail = [], data[-1]
print(data, tail)
