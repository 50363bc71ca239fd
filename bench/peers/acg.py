"""Charts as a careful Python program draws them: Swiss Ephemeris, numpy, orjson.

Reads lines `angles N` and `all N` and answers with the seconds that N charts took, JSON included,
and sums that show that they are the same charts. pyswisseph is AGPL: it is a peer in this bench
only, and part of nothing that is shipped. Without its data files it uses Moshier's series.
"""

import json
import sys
import time

import numpy
import orjson
import swisseph

BODIES = ["Sun", "Moon", "Mercury", "Venus", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune",
          "Pluto", "MeanNode"]
FLAGS = swisseph.FLG_MOSEPH | swisseph.FLG_SPEED
ASPECTS = [("sextile", 60), ("sextile", 300), ("square", 90), ("square", 270), ("trine", 120),
           ("trine", 240)]
ARC = numpy.radians(numpy.arange(-90.0, 91.0))
SIN_ARC, COS_ARC = numpy.sin(ARC), numpy.cos(ARC)
PARALLEL = numpy.arange(-180.0, 181.0, 10.0)


def wrapped(degrees):
    return (degrees + 180.0) % 360.0 - 180.0


def meridian(longitude):
    points = [[longitude, -90.0], [longitude, 0.0], [longitude, 90.0]]
    return {"type": "LineString", "coordinates": points}


def horizon(meridian, dec, sign):
    """Points of the great circle; split where it goes over the edge of the map."""
    sin, cos = numpy.sin(dec), numpy.cos(dec)
    latitude = numpy.degrees(numpy.arcsin(cos * SIN_ARC))
    longitude = wrapped(meridian + sign * numpy.degrees(numpy.arctan2(COS_ARC, -sin * SIN_ARC)))
    points = numpy.round(numpy.column_stack([longitude, latitude]), 5)
    jumps = numpy.flatnonzero(numpy.abs(numpy.diff(longitude)) > 180.0)
    if len(jumps) == 0:
        return {"type": "LineString", "coordinates": points}
    parts, start = [], 0
    for jump in jumps:
        before, after = points[jump], points[jump + 1]
        edge = 180.0 if before[0] > 0 else -180.0
        middle = (before[1] + after[1]) / 2
        part = points[start:jump + 1].tolist() + [[edge, middle]]
        if start:
            part.insert(0, first)
        parts.append(part)
        first, start = [-edge, middle], jump + 1
    parts.append([first] + points[start:].tolist())
    return {"type": "MultiLineString", "coordinates": parts}


def chart(jd, everything):
    sums = 0.0
    gast = numpy.radians(swisseph.sidtime(jd) * 15.0)
    obliquity = numpy.radians(swisseph.calc_ut(jd, swisseph.ECL_NUT)[0][0])
    sin_obliquity, cos_obliquity = numpy.sin(obliquity), numpy.cos(obliquity)
    features, places = [], []
    for number, name in enumerate(BODIES):
        ecliptic = swisseph.calc_ut(jd, number, FLAGS)[0]
        equatorial = swisseph.calc_ut(jd, number, FLAGS | swisseph.FLG_EQUATORIAL)[0]
        ra, dec = numpy.radians(equatorial[0]), numpy.radians(equatorial[1])
        places.append((ra, dec))
        base = {
            "id": name, "type": "planet", "number": number, "epoch": jd, "jd": jd,
            "gast": float(numpy.degrees(gast)), "obliquity": float(numpy.degrees(obliquity)),
            "coords": {"ra": equatorial[0], "dec": equatorial[1], "lambda": ecliptic[0],
                       "beta": ecliptic[1], "distance": ecliptic[2], "speed": ecliptic[3]},
            "natal": {"retrograde": ecliptic[3] < 0, "sign": int(ecliptic[0] // 30)},
            "source": "python", "color": "#888888", "style": "solid", "z_index": 40,
            "hit_radius": 8, "custom": {},
        }

        def add(angle, aspect, geometry):
            line = {"angle": angle, "aspect": aspect, "line_type": angle, "orb": 1.0,
                    "segment_id": f"{name}_{aspect}_{angle}"}
            features.append({"type": "Feature", "geometry": geometry,
                             "properties": {**base, "line": line}})

        mc = float(wrapped(numpy.degrees(ra - gast)))
        sums += abs(mc)
        add("AC", None, horizon(mc, dec, -1.0))
        add("DC", None, horizon(mc, dec, 1.0))
        add("MC", None, meridian(mc))
        add("IC", None, meridian(float(wrapped(mc + 180.0))))
        if everything:
            for aspect, degrees in ASPECTS:
                longitude = numpy.radians(ecliptic[0] + degrees)
                sin, cos = numpy.sin(longitude), numpy.cos(longitude)
                of = numpy.arctan2(sin * cos_obliquity, cos)
                mc = float(wrapped(numpy.degrees(of - gast)))
                add("AC", aspect, horizon(mc, numpy.arcsin(sin * sin_obliquity), -1.0))
                add("MC", aspect, meridian(mc))
    if everything:
        parans(features, numpy.array(places))
    orjson.dumps({"type": "FeatureCollection", "features": features},
                 option=orjson.OPT_SERIALIZE_NUMPY)
    return sums, len(features)


def parans(features, places):
    ra, dec = places[:, 0], places[:, 1]
    tan = numpy.tan(dec)
    one, other = numpy.nonzero(~numpy.eye(len(places), dtype=bool))
    latitudes = []
    for shift in (0.0, numpy.pi):
        time_of = ra[other] + shift
        latitudes.append((one, other, numpy.arctan(-numpy.cos(time_of - ra[one]) / tan[one])))
    one, other = numpy.triu_indices(len(places), 1)
    time_of = numpy.arctan2(tan[one] * numpy.cos(ra[other]) - tan[other] * numpy.cos(ra[one]),
                            tan[other] * numpy.sin(ra[one]) - tan[one] * numpy.sin(ra[other]))
    for shift in (0.0, numpy.pi):
        at = numpy.arctan(-numpy.cos(time_of + shift - ra[one]) / tan[one])
        latitudes.append((one, other, at))
    for one, other, at in latitudes:
        for first, second, latitude in zip(one, other, numpy.round(numpy.degrees(at), 5)):
            points = numpy.column_stack([PARALLEL, numpy.full_like(PARALLEL, latitude)])
            features.append({
                "type": "Feature",
                "geometry": {"type": "LineString", "coordinates": points},
                "properties": {"id": BODIES[first], "body2": BODIES[second],
                               "latitude": float(latitude), "line_type": "PARAN",
                               "color": "#888888", "style": "dotted", "z_index": 10},
            })


def main():
    for line in sys.stdin:
        what, count = line.split()
        started = time.perf_counter()
        sums, features = 0.0, 0
        for index in range(int(count)):
            of_chart, drawn = chart(2451545.0 + 0.37 * index, what == "all")
            sums += of_chart
            features += drawn
        seconds = time.perf_counter() - started
        told = {"meridians": sums, "features": float(features)}
        print(json.dumps({"seconds": seconds, "sums": told}), flush=True)


main()
