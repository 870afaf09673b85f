"""Planets in pure Python: nothing but arithmetic on floats in a hot loop. usage: nbody.py STEPS"""

import sys
import time


def energy_step(dt, bodies):
    for i in range(len(bodies)):
        x, y, z, v, mass = bodies[i]
        for j in range(i + 1, len(bodies)):
            x2, y2, z2, v2, mass2 = bodies[j]
            dx = x - x2
            dy = y - y2
            dz = z - z2
            pull = dt * (dx * dx + dy * dy + dz * dz) ** -1.5
            mine = mass2 * pull
            theirs = mass * pull
            v[0] -= dx * mine
            v[1] -= dy * mine
            v[2] -= dz * mine
            v2[0] += dx * theirs
            v2[1] += dy * theirs
            v2[2] += dz * theirs
    for k in range(len(bodies)):
        x, y, z, v, mass = bodies[k]
        bodies[k] = (x + dt * v[0], y + dt * v[1], z + dt * v[2], v, mass)


planets = [(1.0 * k, 2.0 * k + 1, 3.0 * k + 2, [0.1 * k, 0.2, 0.3], 1.0 + k) for k in range(5)]
begin = time.process_time()
for _ in range(int(sys.argv[1])):
    energy_step(0.001, planets)
print(time.process_time() - begin, planets[0][0])
