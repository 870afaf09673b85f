import sys
if sys:
	x = 1
	for i in range(2):
		y = (x +
			i)
		print(y)
z = """a
b"""
print(len(z), x, \
  y)
def f(a,
      b=2):
	return [a,
		b][0]
print(f(1))