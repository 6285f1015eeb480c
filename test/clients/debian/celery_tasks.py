"""What the worker of celery_client.py does: celery -A celery_tasks worker"""

import os
import time

from celery import Celery
from kombu import Exchange, Queue

PREFIX = os.environ["CELERY_PREFIX"]
FOLDER = os.environ["CELERY_FOLDER"]


def create_app(backend, connection_name):
    app = Celery("contract", broker=os.environ["CELERY_BROKER"], backend=backend)
    exchange = Exchange(PREFIX + "tasks", type="direct")
    app.conf.update(
        task_default_exchange=exchange.name,
        task_default_queue=PREFIX + "default",
        task_default_routing_key=PREFIX + "default",
        task_queues=[
            Queue(PREFIX + "default", exchange, PREFIX + "default"),
            Queue(PREFIX + "ranked", exchange, PREFIX + "ranked", max_priority=10),
        ],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        control_exchange=PREFIX + "pidbox",
        event_exchange=PREFIX + "events",
        broker_heartbeat=4,
        broker_transport_options={
            "confirm_publish": True,
            "client_properties": {"connection_name": connection_name},
        },
        result_expires=60,
        broker_connection_retry_on_startup=True,
    )
    return app


# Results by direct messages, except of chords, which need to be counted somewhere.
app = create_app(os.environ["CELERY_BACKEND"], PREFIX + "worker")


@app.task
def add(x, y):
    return x + y


@app.task
def total(numbers):
    return sum(numbers)


@app.task
def fail(text):
    raise ValueError(text)


@app.task(bind=True, max_retries=3)
def flaky(self, successes_after):
    if self.request.retries < successes_after:
        raise self.retry(countdown=0.2)
    return self.request.retries


@app.task
def started_at():
    return time.time()


@app.task
def record(text):
    with open(os.path.join(FOLDER, "record"), "a", encoding="utf-8") as file:
        file.write(text + "\n")
