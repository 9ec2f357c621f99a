"""Hooks of schemathesis: who asks, and how much was answered. A run that ends or replaces its own session is logged in again."""

import atexit
import collections
import os

import requests
import schemathesis

URL = os.environ["HOSTILE_URL"]
WHO = os.environ["HOSTILE_WHO"]
# Each live session that is ended costs a login, so that here most come without one; what they do with one, other tests know.
ENDING = ("/api/logout", "/api/sessions/revoke-others")

client = requests.Session()
statuses = collections.Counter()


@schemathesis.hook
def after_call(context, case, response):
    """Counts every answer."""
    statuses[response.status_code] += 1


@atexit.register
def count():
    """Writes down what was counted."""
    with open(os.environ["HOSTILE_COUNTS"], "w", encoding="utf-8") as file:
        for status, number in sorted(statuses.items()):
            print(status, number, file=file)


def log_in():
    """The token of a new session."""
    body = {"email": WHO, "password": os.environ["DEMO_ADMIN_PASSWORD"], "transport": "bearer"}
    answer = client.post(f"{URL}/api/login", json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()["token"]


if "@" in WHO:

    @schemathesis.auth(refresh_interval=None)
    class LoggedIn:
        """Asks before each case whether the session is still there."""

        token = ""
        ended = 0

        def get(self, case, context):
            if case.operation.path in ENDING:
                LoggedIn.ended += 1
                if LoggedIn.ended % 10:
                    return ""
            headers = {"Authorization": f"Bearer {LoggedIn.token}"}
            if not LoggedIn.token or client.get(f"{URL}/api/me", headers=headers, timeout=30).status_code != 200:
                LoggedIn.token = log_in()
            return LoggedIn.token

        def set(self, case, data, context):
            if data:
                case.headers["Authorization"] = f"Bearer {data}"
