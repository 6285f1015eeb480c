"""A Celery worker in a process of its own, and what a program can do with it: celery_client.py URL PREFIX"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

URL, PREFIX = sys.argv[1:3]
folder = tempfile.TemporaryDirectory(prefix="warren-celery-")
os.environ.update(CELERY_BROKER=URL, CELERY_PREFIX=PREFIX, CELERY_FOLDER=folder.name, CELERY_BACKEND="rpc://")

import celery_tasks as tasks  # noqa: E402, it reads the environment
from celery import chain, chord, group  # noqa: E402
from celery.exceptions import TaskRevokedError  # noqa: E402

app = tasks.app
app.conf.broker_transport_options["client_properties"] = {"connection_name": PREFIX + "client"}
TIMEOUT = 60


def answer(part, value):
    print(json.dumps({"part": part, "value": value}), flush=True)


def until(check):
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        value = check()
        if value:
            return value
        time.sleep(0.05)
    raise TimeoutError("nothing came of " + check.__name__)


def ask():
    """Of the one worker there is, so that the first answer is the last."""
    return app.control.inspect(timeout=TIMEOUT, limit=1)


def start_worker(name, backend):
    log = open(os.path.join(folder.name, name + ".log"), "w", encoding="utf-8")
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "--concurrency", "1", "--loglevel", "INFO"]
        + ["--hostname", name + "@test", "--queues", PREFIX + "default", "--task-events"],
        cwd=os.path.dirname(os.path.abspath(__file__)),
        env={**os.environ, "CELERY_BACKEND": backend, "C_FORCE_ROOT": "1"},
        stdout=log,
        stderr=log,
    )

    def answers_ping():
        if worker.poll() is not None:
            raise RuntimeError("the worker ended: " + open(log.name, encoding="utf-8").read()[-3000:])
        return app.control.ping(destination=[name + "@test"], timeout=1, limit=1)

    return worker, until(answers_ping)


def stop_worker(worker):
    worker.send_signal(signal.SIGTERM)
    return worker.wait(TIMEOUT)


def results():
    return {
        "result": tasks.add.delay(2, 3).get(TIMEOUT),
        "group": group(tasks.add.s(i, i) for i in range(10)).apply_async().get(TIMEOUT),
        "chain": chain(tasks.add.s(1, 2), tasks.add.s(3)).apply_async().get(TIMEOUT),
        "failure": str(tasks.fail.delay("broken").get(TIMEOUT, propagate=False)),
        "retries": tasks.flaky.delay(2).get(TIMEOUT),
    }


def countdown():
    asked = time.time()
    return tasks.started_at.apply_async(countdown=1).get(TIMEOUT) - asked >= 1


def revoked():
    waiting = tasks.add.apply_async((1, 1), countdown=300)

    def is_scheduled():
        scheduled = ask().scheduled() or {}
        return any(item["request"]["id"] == waiting.id for items in scheduled.values() for item in items)

    until(is_scheduled)
    # A task that waits must not keep others away.
    until(lambda: prefetch() == 2)
    waiting.revoke()
    until(lambda: waiting.id in (ask().revoked() or {}).get("first@test", []))
    expired = tasks.add.apply_async((1, 1), expires=-1)
    try:
        return expired.get(TIMEOUT)
    except TaskRevokedError as error:
        return str(error)


def ranked():
    """Published before anyone consumes, then consumed one at a time."""
    with app.connection_for_write() as connection:
        app.amqp.queues[PREFIX + "ranked"](connection.default_channel).declare()
    for priority in (1, 9, 5, 0):
        tasks.record.apply_async((str(priority),), queue=PREFIX + "ranked", priority=priority)
    app.control.add_consumer(PREFIX + "ranked", reply=True, timeout=TIMEOUT, limit=1)
    path = os.path.join(folder.name, "record")

    def lines():
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as file:
            found = file.read().split()
        return found if len(found) == 4 else None

    found = until(lines)
    app.control.cancel_consumer(PREFIX + "ranked", reply=True, timeout=TIMEOUT, limit=1)
    return found


def prefetch():
    return ask().stats()["first@test"]["prefetch_count"]


def inspect():
    """The prefetch is left alone here: a pool that grows forks with open connections, and a worker may hang then."""
    worker = "first@test"
    return {
        "prefetch": prefetch(),
        "queues": sorted(queue["name"] for queue in ask().active_queues()[worker]),
        "registered": "celery_tasks.add" in ask().registered()[worker],
    }


def events():
    """A monitor sees what happens to a task."""
    seen = []
    asked = []
    with app.connection_for_read() as connection:

        def on_event(event):
            if asked and event.get("uuid") == asked[0].id:
                seen.append(event["type"])
            receiver.should_stop = "task-succeeded" in seen

        receiver = app.events.Receiver(connection, handlers={"*": on_event})
        receiver.on_consume_ready = lambda *_, **__: asked.append(tasks.add.delay(1, 1))
        receiver.capture(timeout=TIMEOUT, wakeup=False)
    return seen


def survives():
    """The broker closes the worker's connections; it comes back by itself, and no task is lost."""
    answer("please close", PREFIX + "worker")
    return [tasks.add.delay(i, 1).get(TIMEOUT) for i in range(5)]


def chords():
    """Two workers, since the first one counts nothing: unlocking the chord is retried until all parts are there."""
    results_folder = os.path.join(folder.name, "results")
    os.mkdir(results_folder)
    backend = "file://" + results_folder
    worker, _ = start_worker("second", backend)
    other = tasks.create_app(backend, PREFIX + "client")
    tasks_of_other = [other.signature("celery_tasks.add", (i, i)) for i in range(5)]
    found = chord(tasks_of_other, app=other)(other.signature("celery_tasks.total")).get(TIMEOUT)
    return {"sum": found, "exit": stop_worker(worker)}


# Every line that is printed is one part; the worker ends with this program's group of processes, if not before.
first, reply = start_worker("first", "rpc://")
answer("ping", reply)
answer("inspect", inspect())
answer("results", results())
answer("countdown", countdown())
answer("revoked", revoked())
answer("ranked", ranked())
answer("events", events())
answer("survives", survives())
# Not asked to stop: its pool may wait half a minute and more for what it counted before it lost its connection.
first.kill()
answer("chords", chords())
with app.connection_for_write() as cleaning:
    for left_over in ("default", "ranked"):
        cleaning.default_channel.queue_delete(PREFIX + left_over)
    for left_over in ("tasks", "events", "pidbox.pidbox"):
        cleaning.default_channel.exchange_delete(PREFIX + left_over)
    cleaning.default_channel.exchange_delete("reply." + PREFIX + "pidbox.pidbox")
