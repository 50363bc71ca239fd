"""A node of a Python cache with a Redis tier, driven by lines on its standard input.

usage: node.py cashews|aiocache|dogpile REDIS_URL ORIGIN_DIRECTORY FILL_SECONDS

    1 fetch KEY     what is cached, or what the origin (the file KEY) says after FILL_SECONDS
    2 delete KEY

It prints `1 begun` once the origin has been read, then `1 ok ANSWER` or `1 error TEXT`.
"""

import asyncio
import pathlib
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlparse

LIBRARY, URL, ORIGIN, FILL = sys.argv[1:5]
TTL = 3600


def say(*words):
    # In one piece: several threads say something.
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def read_origin(number, key):
    version = int((pathlib.Path(ORIGIN) / key).read_text())
    say(number, "begun")
    return version


async def fill(number, key):
    version = read_origin(number, key)
    await asyncio.sleep(float(FILL))
    return version


def with_cashews():
    from cashews import cache

    cache.setup(URL, client_side=True)

    async def fetch(number, key):
        async def default():
            return await fill(number, key)

        return await cache.get_or_set(key, default=default, expire=TTL)

    return fetch, cache.delete


def with_aiocache():
    from aiocache import RedisCache, cached
    from aiocache.serializers import JsonSerializer

    url = urlparse(URL)
    redis = RedisCache(endpoint=url.hostname, port=url.port, serializer=JsonSerializer())

    class OnOurs(cached):
        def __init__(self, key):
            super().__init__(ttl=TTL, key=key)
            self.cache = redis

        def __call__(self, function):
            async def wrapper(*args):
                return await self.decorator(function, *args)

            return wrapper

    async def fetch(number, key):
        return await OnOurs(key)(fill)(number, key)

    return fetch, redis.delete


def with_dogpile():
    import time

    from dogpile.cache import make_region

    region = make_region().configure(
        "dogpile.cache.redis", expiration_time=TTL, arguments={"url": URL}
    )
    threads = ThreadPoolExecutor(64)

    def create(number, key):
        version = read_origin(number, key)
        time.sleep(float(FILL))
        return version

    async def fetch(number, key):
        def get_or_create():
            return region.get_or_create(key, lambda: create(number, key))

        return await asyncio.get_running_loop().run_in_executor(threads, get_or_create)

    async def delete(key):
        return await asyncio.get_running_loop().run_in_executor(threads, region.delete, key)

    return fetch, delete


async def answer(fetch, delete, number, what, key):
    try:
        said = await (fetch(number, key) if what == "fetch" else delete(key))
        say(number, "ok", said)
    except Exception as error:
        say(number, "error", type(error).__name__, str(error).replace("\n", " "))


async def main():
    libraries = {"cashews": with_cashews, "aiocache": with_aiocache, "dogpile": with_dogpile}
    fetch, delete = libraries[LIBRARY]()
    loop, running = asyncio.get_running_loop(), set()
    lines = ThreadPoolExecutor(1)
    say("0 ok ready")
    while line := await loop.run_in_executor(lines, sys.stdin.readline):
        task = asyncio.create_task(answer(fetch, delete, *line.split()))
        running.add(task)
        task.add_done_callback(running.discard)


asyncio.run(main())
