class Node:
    def __init__(self, value, next=None):
        self.value = value
        self.next = next
        self.data = {}

head = Node(1, Node(2, Node(3)))
head.next.next.value += 10
head.data["a"] = {"b": [1, 2, 3]}
head.data["a"]["b"][1] *= 5
print(head.next.next.value, head.data["a"]["b"])
rows = [list(range(i, i + 5)) for i in range(4)]
print(rows[1][2], rows[-1][::-1], rows[1:3], rows[0][1:4:2], rows[:][0][:2], rows[2][-3:])
rows[0][1:3] = [9, 9, 9]
del rows[0][0], rows[1]
print(rows)
table = {(i, j): i * j for i in range(2) for j in range(2)}
print(table[1, 1], table.get((5, 5), "none"), {"k": 1}["k"])
i = 0
rows[i][i], i = i + 100, 1
print(rows, i)
rows[i := 2] = "walrus"
print(rows, i, "text"[i], b"bytes"[1], b"bytes"[1:3])
