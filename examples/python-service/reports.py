#!/usr/bin/env python3
"""An application that knows who is logged in, and nothing of sessions: see docs/forward-auth.md.

    reports.py [PORT]        listens on 127.0.0.1 alone, default 8080; 0 takes any free port

It believes its headers, so that nobody may reach it past the proxy.
"""

import html
import json
import sys
from socketserver import ThreadingMixIn
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

PAGE = """<!doctype html>
<html lang="en"><title>Reports</title>
<h1>Reports</h1>
<p>You are <b id="user">{user}</b>, in the role <b id="role">{role}</b>, by the session <b id="session">{session}</b>.</p>
<p id="asked">{asked}</p>
<form id="note" method="post" action="/reports/notes"><input name="text"><button type="submit">Note it</button></form>
<p id="noted">{noted}</p>
"""
MOST = 64 * 1024 * 1024


def application(environ, start_response):
    person = [environ.get(f"HTTP_X_{name}") for name in ("USER_ID", "USER_ROLE", "SESSION_ID")]
    if not all(person):
        # Not "log in, please": whoever comes by the proxy is somebody.
        return answer(start_response, "500 Internal Server Error", "text/plain", "no proxy has said who this is\n")
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    if (method, path) == ("POST", "/reports/notes"):
        if not is_own_form(environ):
            return answer(start_response, "403 Forbidden", "text/plain", "a form from elsewhere\n")
        return page(start_response, environ, person, parse_qs(body(environ).decode()).get("text", [""])[0])
    if (method, path) == ("POST", "/reports/upload"):
        return answer(start_response, "200 OK", "application/json", json.dumps({"bytes": len(body(environ))}))
    if path == "/reports/seen":
        seen = {name[5:]: value for name, value in sorted(environ.items()) if name.startswith("HTTP_")}
        return answer(start_response, "200 OK", "application/json", json.dumps(seen))
    if path == "/reports/":
        return page(start_response, environ, person, "")
    return answer(start_response, "404 Not Found", "text/plain", "no such report\n")


def page(start_response, environ, person, noted):
    user, role, session = person
    parts = {"user": user, "role": role, "session": session, "asked": environ["QUERY_STRING"], "noted": noted}
    text = PAGE.format(**{name: html.escape(value) for name, value in parts.items()})
    return answer(start_response, "200 OK", "text/html; charset=utf-8", text)


def is_own_form(environ):
    """The proxy says who sends a form, not which page it comes from. Browsers say that, and programs need not."""
    return environ.get("HTTP_SEC_FETCH_SITE", "same-origin") in ("same-origin", "none")


def body(environ):
    return environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), MOST))


def answer(start_response, status, kind, text):
    text = text.encode()
    # What one person sees is for no cache, so that after a logout the way back leads to the login.
    headers = [("Content-Type", kind), ("Content-Length", str(len(text))), ("Cache-Control", "no-store")]
    start_response(status, headers)
    return [text]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    with make_server("127.0.0.1", wanted, application, Server, Quiet) as server:
        print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
