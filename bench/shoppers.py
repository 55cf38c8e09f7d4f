"""A Locust file for `beside_locust`: two kinds of users, a login, grouped names, think times."""

from __future__ import annotations

import random

from locust import FastHttpUser, HttpUser, SequentialTaskSet, between, task


class Reader(FastHttpUser):
    """Looks around."""

    weight = 3
    wait_time = between(0.3, 0.9)

    @task(3)
    def front(self) -> None:
        self.client.get("/")

    @task
    def item(self) -> None:
        self.client.get(f"/items/?of={random.randint(1, 50)}", name="/items/?of=[id]")


class Order(SequentialTaskSet):
    """Looks, then buys."""

    @task
    def look(self) -> None:
        with self.client.get("/basket/", catch_response=True) as answer:
            if "token" not in answer.json():
                answer.failure("no token")

    @task
    def buy(self) -> None:
        self.client.post("/orders/", json={"item": random.randint(1, 50)})


class Buyer(HttpUser):
    """Logs in first."""

    wait_time = between(0.3, 0.9)
    tasks = [Order]  # noqa: RUF012 - as people write it

    def on_start(self) -> None:
        token = self.client.get("/login/").text
        self.client.post("/login/", data={"csrfmiddlewaretoken": token})
