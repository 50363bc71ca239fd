"""Prints what exchange_calendars has: the sessions of one calendar as CSV, or, without an argument,
the holidays and early closes of each year of all (crates/spence-calendar/tests/it)."""

import datetime
import sys
from zoneinfo import ZoneInfo

import exchange_calendars

CALENDARS = {
    "XNYS": ("America/New_York", 1990, 2040),
    "XLON": ("Europe/London", 1990, 2040),
    "XBOM": ("Asia/Kolkata", 1997, 2026),
}


def sessions(name):
    """Each session with its opening, its close, and whether that is early."""
    _, first, last = CALENDARS[name]
    calendar = exchange_calendars.get_calendar(
        name, start=f"{first}-01-01", end=f"{last}-12-31"
    )
    early = set(calendar.early_closes)
    for day, row in calendar.schedule.iterrows():
        yield day.date(), row["open"], row["close"], day in early


def print_csv(name):
    print("session,open_utc,close_utc,early_close,minutes")
    for day, opens, closes, early in sessions(name):
        minutes = int((closes - opens).total_seconds() // 60)
        print(f"{day},{opens:%Y-%m-%dT%H:%M:%SZ},{closes:%Y-%m-%dT%H:%M:%SZ},{early:d},{minutes}")


def print_years(name):
    zone, first, last = CALENDARS[name]
    held = {day: (closes.astimezone(ZoneInfo(zone)), early) for day, _, closes, early in sessions(name)}
    for year in range(first, last + 1):
        closed, short = [], []
        day = datetime.date(year, 1, 1)
        while day.year == year:
            if day not in held and day.weekday() < 5:
                closed.append(f"{day:%m-%d}")
            elif day in held and held[day][1]:
                short.append(f"{day:%m-%d}@{held[day][0]:%H:%M}")
            day += datetime.timedelta(days=1)
        print(name, year, "closed", *closed, "early", *short)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print_csv(sys.argv[1])
    else:
        for each in CALENDARS:
            print_years(each)
