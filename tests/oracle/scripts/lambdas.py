double = lambda x: x * 2
compose = lambda f, g: lambda x: f(g(x))
inc = lambda x, by=1: x + by
print(double(4), compose(double, inc)(3), inc(1, by=5), (lambda: None)())
fact = lambda n: 1 if n < 2 else n * fact(n - 1)
print(fact(5), [fact(k) for k in range(4)])
actions = {"add": lambda a, b: a + b, "mul": lambda a, b: a * b}
for name, action in actions.items():
    print(name, action(3, 4))
print(sorted([(1, "b"), (0, "c"), (2, "a")], key=lambda p: p[1]))
print(list(map(lambda x: (lambda y: y + x)(x), range(3))), list(filter(lambda x: x % 2, range(5))))
def fails(x):
    return (lambda y: 1 / y)(x)
for x in (1, 0, 2):
    try:
        print(fails(x), (lambda z: z + x)(1))
    except ZeroDivisionError as error:
        print("zero", (lambda e: str(e))(error))
print((lambda: (yield 1))().__next__(), list((lambda n: (i for i in range(n)))(3)))
