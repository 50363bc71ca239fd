"""Packs Natural Earth's land (public domain, scale 1:50 million) into data/land.bin.

Reads land-50m.json of the npm package world-atlas (ISC): `npm pack world-atlas@2.0.2`.
Simplified by Douglas and Peucker's rule to 0.08 degrees; rings under 0.4 degrees are left out.
Format, little-endian: for each ring a u16 count, then so many pairs of i16, longitude and latitude
in 1/180 degree.

usage: python3 xtask/coastlines/pack.py land-50m.json crates/spence-acg/data/land.bin
"""

import json
import struct
import sys

TOLERANCE = 0.08
SMALLEST = 0.4


def rings(topology):
    scale, translate = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * scale[0] + translate[0], y * scale[1] + translate[1]))
        arcs.append(points)
    for geometry in topology["objects"]["land"]["geometries"]:
        polygons = geometry["arcs"]
        for polygon in polygons if geometry["type"] == "MultiPolygon" else [polygons]:
            for ring in polygon:
                points = []
                for index in ring:
                    arc = arcs[index] if index >= 0 else arcs[~index][::-1]
                    points += arc[1:] if points else arc
                yield points


def unstitched(points):
    """Rings that go over the 180th meridian, cut there; one round the pole goes along its edge."""
    pieces = [[points[0]]]
    for before, point in zip(points, points[1:]):
        if abs(before[0] - point[0]) > 180:
            side = 180 if before[0] > 0 else -180
            pieces[-1].append((side, (before[1] + point[1]) / 2))
            pieces.append([(-side, (before[1] + point[1]) / 2)])
        pieces[-1].append(point)
    if len(pieces) == 1:
        return pieces
    if len(pieces) == 2:
        # Antarctica: from edge to edge, and back along the pole.
        ring = pieces[1] + pieces[0][1:]
        pole = -90 if ring[0][1] < 0 else 90
        return [ring + [(ring[-1][0], pole), (ring[0][0], pole), ring[0]]]
    return [pieces[-1] + pieces[0][1:]] + pieces[1:-1]


def simplified(points):
    keep = {0, len(points) - 1}
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        (x0, y0), (x1, y1) = points[first], points[last]
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        most, where = 0.0, None
        for index in range(first + 1, last):
            x, y = points[index]
            if length == 0:
                off = ((x - x0) ** 2 + (y - y0) ** 2) ** 0.5
            else:
                off = abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / length
            if off > most:
                most, where = off, index
        if where is not None and most > TOLERANCE:
            keep.add(where)
            spans += [(first, where), (where, last)]
    return [points[index] for index in sorted(keep)]


def main(source, target):
    out = bytearray()
    count = 0
    whole = rings(json.load(open(source)))
    for ring in (piece for ring in whole for piece in unstitched(ring)):
        xs, ys = [x for x, _ in ring], [y for _, y in ring]
        if max(max(xs) - min(xs), max(ys) - min(ys)) < SMALLEST:
            continue
        points = simplified(ring)
        if len(points) < 4:
            continue
        out += struct.pack("<H", len(points))
        for x, y in points:
            out += struct.pack("<hh", round(x * 180), round(y * 180))
        count += 1
    open(target, "wb").write(out)
    print(f"{count} rings, {len(out)} bytes")


main(sys.argv[1], sys.argv[2])
