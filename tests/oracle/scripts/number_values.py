big = 2 ** 200
for k in (62, 63, 64, 100):
    print(2 ** k, -(2 ** k), 2 ** k - 1, ~(2 ** k))
print(big * big, big // 7, big % 1000007, -big, big.bit_length(), hex(big), big == float(big))
z = 3 + 4j
print(z * z.conjugate(), abs(z), z.real, z ** 0.5, complex(0, -0.0), -z, 1j * 1j, complex("nan"), complex("inf-1j"))
nan, inf = float("nan"), float("inf")
for value in (nan, inf, -inf, -0.0, 0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1e16 + 1):
    print(value, value == value, value + 1, -value)
print([nan, -0.0], (inf, -inf), {1.5: -0.0}, {nan}, [1 + 2j, -0j], [True, None, 2 ** 70, -5])
print(True + True, int(True), 10 ** 20 / 3, 7 // -2, divmod(-7, 2), round(2.5), round(2.675, 2), 1_000_000, 0b101, 0o17, 0xFF)
n = 1
for i in range(1, 26):
    n *= i
print(n, n.to_bytes(11, "big"), int.from_bytes(b"\xff\x00", "little"), bool(n))
huge = 10 ** 5000
print(huge % 7, len(hex(huge)), huge.bit_length())
from fractions import Fraction
from decimal import Decimal
print(Fraction(1, 3) + Fraction(1, 6), Decimal("0.1") + Decimal("0.2"), Fraction(0.5))
class MyInt(int):
    def __add__(self, other):
        return MyInt(int(self) + int(other) + 1)
class MyFloat(float): pass
m = MyInt(3)
print(m + 1, m * 2, MyFloat(0.5), MyFloat(1) + 1, [MyInt(1)], sum([m, m]))
