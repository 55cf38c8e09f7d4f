"""A Locust file, as users write them, whose every user sends a known number of requests."""
# mypy: ignore-errors
# ruff: noqa: RUF012

from beside import ITEMS
from locust import FastHttpUser, HttpUser, SequentialTaskSet, TaskSet, constant, events, tag, task
from locust.exception import StopUser

from rig.load.plain_http_user import PlainHttpUser


@events.init_command_line_parser.add_listener
def _add_option(parser):
    parser.add_argument("--greeting", default="hello")


class Order(SequentialTaskSet):
    @task
    def look(self):
        with self.client.get("/items/7/?full=1,2", catch_response=True) as answer:
            answer.failure("too dear")

    @task
    def fail(self):
        self.client.get("/fail/")

    @task
    def forgive(self):
        with self.client.get("/fail/", name="/forgiven/", catch_response=True) as answer:
            answer.success()

    @task
    def break_off(self):
        with self.client.get("/broken/", catch_response=True):
            raise KeyError("nothing there")

    @task
    def leave(self):
        raise StopUser


class Buyer(HttpUser):
    host = "http://nowhere.invalid"
    fixed_count = 2
    wait_time = constant(0.05)
    tasks = [Order]

    def on_start(self):
        greeting = self.environment.parsed_options.greeting
        self.client.post("/login/", json={"greeting": greeting})


class Reader(FastHttpUser):
    fixed_count = 1
    wait_time = constant(0.05)

    @tag("browse")
    @task
    class Pages(TaskSet):
        @tag("browse")
        @task
        def read(self):
            for item in ITEMS:
                self.client.get(f"/items/{item}/", name="/items/[id]/")
            told = {"response_length": 0, "exception": None, "context": {}}
            events.request.fire(request_type="own", name="event", response_time=5, **told)
            raise StopUser

    @tag("never")
    @task(1000)
    def never(self):
        self.client.get("/never/")


class Cheap(PlainHttpUser):
    fixed_count = 1

    @tag("browse")
    @task
    def ask(self):
        for _ in range(4):
            self.client.get("/cheap/")
        raise StopUser
