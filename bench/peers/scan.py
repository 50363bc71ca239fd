"""Indicators and scores of many symbols, by TA-Lib through numpy or by pandas.

Reads little-endian doubles: for each symbol, the columns open, high, low, close and volume, of
`bars` values each. Then, for each line `talib COUNT` or `pandas COUNT` on standard input, computes
the first COUNT symbols and prints seconds and the sums of some last values as one JSON object.
"""

import json
import math
import sys
import time

import numpy as np
import pandas as pd
import talib

SQRT_YEAR = math.sqrt(252.0)


def by_talib(o, h, l, c, v):
    """The last value of each indicator; TA-Lib computes all of each series."""
    macd, signal, hist = talib.MACD(c, 12, 26, 9)
    upper, middle, lower = talib.BBANDS(c, 20, 2.0, 2.0)
    returns = c[1:] / c[:-1] - 1.0
    last = {
        "rsi14": talib.RSI(c, 14)[-1],
        "macd": macd[-1],
        "macd_signal": signal[-1],
        "macd_hist": hist[-1],
        "atr14": talib.ATR(h, l, c, 14)[-1],
        "adx14": talib.ADX(h, l, c, 14)[-1],
        "plus_di14": talib.PLUS_DI(h, l, c, 14)[-1],
        "minus_di14": talib.MINUS_DI(h, l, c, 14)[-1],
        "sma20": talib.SMA(c, 20)[-1],
        "sma50": talib.SMA(c, 50)[-1],
        "sma200": talib.SMA(c, 200)[-1],
        "ema12": talib.EMA(c, 12)[-1],
        "ema26": talib.EMA(c, 26)[-1],
        "bb_upper": upper[-1],
        "bb_mid": middle[-1],
        "bb_lower": lower[-1],
        "obv": talib.OBV(c, v)[-1],
        "vol20_ann": returns[-20:].std(ddof=1) * SQRT_YEAR,
        "high20": talib.MAX(c, 20)[-1],
        "dollar_vol_20": (c[-20:] * v[-20:]).mean(),
        "gap_mean_10": (np.abs(o[-10:] - c[-11:-1]) / c[-11:-1]).mean(),
    }
    last["rating"] = rating(last, c, v)
    return last


def by_pandas(o, h, l, c, v):
    """The same from a data frame, as scanners in Python do."""
    frame = pd.DataFrame({"open": o, "high": h, "low": l, "close": c, "volume": v})
    close = frame["close"]
    change = close.diff()
    gain = change.clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean()
    loss = (-change.clip(upper=0)).ewm(alpha=1 / 14, adjust=False).mean()
    frame["rsi14"] = 100 * gain / (gain + loss)
    frame["ema12"] = close.ewm(span=12, adjust=False).mean()
    frame["ema26"] = close.ewm(span=26, adjust=False).mean()
    frame["macd"] = frame["ema12"] - frame["ema26"]
    frame["macd_signal"] = frame["macd"].ewm(span=9, adjust=False).mean()
    frame["macd_hist"] = frame["macd"] - frame["macd_signal"]
    before = close.shift(1)
    ranges = [frame["high"] - frame["low"], (frame["high"] - before).abs(), (frame["low"] - before).abs()]
    true_range = pd.concat(ranges, axis=1).max(axis=1)
    frame["atr14"] = true_range.ewm(alpha=1 / 14, adjust=False).mean()
    up, down = frame["high"].diff(), -frame["low"].diff()
    plus = up.where((up > down) & (up > 0), 0.0).ewm(alpha=1 / 14, adjust=False).mean()
    minus = down.where((down > up) & (down > 0), 0.0).ewm(alpha=1 / 14, adjust=False).mean()
    frame["plus_di14"] = 100 * plus / frame["atr14"]
    frame["minus_di14"] = 100 * minus / frame["atr14"]
    apart = (frame["plus_di14"] - frame["minus_di14"]).abs()
    index = 100 * apart / (frame["plus_di14"] + frame["minus_di14"])
    frame["adx14"] = index.ewm(alpha=1 / 14, adjust=False).mean()
    for bars in (20, 50, 200):
        frame[f"sma{bars}"] = close.rolling(bars).mean()
    deviation = close.rolling(20).std(ddof=0)
    frame["bb_upper"] = frame["sma20"] + 2 * deviation
    frame["bb_lower"] = frame["sma20"] - 2 * deviation
    frame["obv"] = (np.sign(change).fillna(1.0) * frame["volume"]).cumsum()
    frame["vol20_ann"] = close.pct_change().rolling(20).std() * SQRT_YEAR
    frame["high20"] = close.rolling(20).max()
    frame["dollar_vol_20"] = (close * frame["volume"]).rolling(20).mean()
    frame["gap_mean_10"] = ((frame["open"] - before).abs() / before).rolling(10).mean()
    last = frame.iloc[-1].to_dict()
    last["rating"] = rating(last, c, v)
    return last


def rating(last, c, v):
    """The rating of the scanner technic."""
    last = {key: float(value) for key, value in last.items()}
    close, before = float(c[-1]), float(c[-6])
    rsi = last["rsi14"]
    from_high = (close / last["high20"] - 1.0) * 100.0
    above = last["sma20"] > last["sma50"]
    trend = 2 * above + (last["sma50"] > last["sma200"])
    momentum = (rsi > 55) + (rsi > 65) - (rsi < 45) - (rsi < 40)
    momentum += (last["macd_hist"] > 0) + (from_high > -3)
    momentum = max(-3, min(3, int(momentum)))
    spike = close * float(v[-1]) / last["dollar_vol_20"]
    volume = 2 if spike > 1.5 else 1 if spike > 1.2 else -1 if spike < 0.7 else 0
    reach = last["atr14"] / close
    volatility = (reach < 0.01) - (reach > 0.03)
    oscillator = (55 <= rsi <= 65) - (rsi > 70 or rsi < 40)
    breakout = (from_high > -1) + (close / before - 1.0 > 0.02)
    raw = 3 * trend + 3 * momentum + 2 * volume + volatility + oscillator + breakout
    return raw * (0.7 + 0.3 * max(0.0, min(1.0, 1.0 - 50.0 * reach)))


def main():
    path, bars = sys.argv[1], int(sys.argv[2])
    data = np.fromfile(path, dtype="<f8").reshape(-1, 5, bars)
    compute = {"talib": by_talib, "pandas": by_pandas}
    for line in sys.stdin:
        name, count = line.split()
        sums = {}
        started = time.perf_counter()
        for symbol in data[: int(count)]:
            for key, value in compute[name](*symbol).items():
                sums[key] = sums.get(key, 0.0) + float(value)
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "sums": sums}), flush=True)


if __name__ == "__main__":
    main()
