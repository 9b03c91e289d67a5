"""A small real application: counts hits in Redis and writes each one down in PostgreSQL."""

import os
import threading

import psycopg
import redis
from flask import Flask

app = Flask(__name__)
counters = redis.Redis(host="127.0.0.1", port=int(os.environ["REDIS_PORT"]))
of_thread = threading.local()


def database() -> psycopg.Connection:
    """This thread's connection, kept from request to request."""
    if getattr(of_thread, "connection", None) is None or of_thread.connection.closed:
        of_thread.connection = psycopg.connect(os.environ["DATABASE"], autocommit=True)
    return of_thread.connection


@app.get("/healthz")
def health():
    return "well\n"


@app.get("/hit/<visit>")
def hit(visit: str):
    database().execute("insert into visits (visit) values (%s)", (visit,))
    return {"hits": counters.incr("hits"), "replica": os.environ["REPLICA"]}
