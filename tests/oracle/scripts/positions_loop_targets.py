class Box:
    def __setattr__(self, name, value):
        kept = value * 2
        object.__setattr__(self, name, kept)
    def __setitem__(self, key, value):
        last = key, value

box = Box()
for box.item in range(3):
    print(box.item)
for box[0] in range(2):
    inside = box.item
for i, box.pair in enumerate([5, 6]):
    print(i, box.pair)
for row in range(2):
    for box.cell in [row, row + 1]:
        if box.cell == 2:
            continue
        print(row, box.cell)
    else:
        box.done = row
