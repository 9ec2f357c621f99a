"""Prints what sqlmap is to try: every parameter of every query and address in an OpenAPI document, and of every form of a page that
asks for a list; a line each: method, address, name, body.

Usage: parameters.py DOCUMENT URL COOKIE
"""

import html.parser
import json
import os
import re
import sys
import urllib.parse
import urllib.request

# By which something is found, so that a condition that is put in could change what is answered.
SAMPLES = {
    "query": "b", "role": "user", "state": "active", "page": "1", "per_page": "10", "action": "login", "next": "", "permission": "reports.read",
    "application_context": "web", "transport": "cookie", "sid": "A" * 43, "language": "en",
    "user": os.environ["SUBJECT"], "actor": os.environ["SUBJECT"], "id": os.environ["SUBJECT"],
}
PAGES = ("/", "/login", "/register", "/account", "/users", "/audit", "/cleanup")


class Forms(html.parser.HTMLParser):
    """The names of the fields of each form that is sent by GET, by its address."""

    def __init__(self, page):
        super().__init__()
        self.page, self.action, self.found = page, None, {}

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            is_get = (attributes.get("method") or "get").lower() == "get"
            self.action = (attributes.get("action") or self.page) if is_get else None
        elif tag in ("input", "select", "textarea") and self.action and attributes.get("name"):
            self.found.setdefault(self.action, set()).add(attributes["name"])

    def handle_endtag(self, tag):
        if tag == "form":
            self.action = None


def operations(document):
    """Each operation with its parameters by where they stand."""
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            names = {place: [one["name"] for one in said.get("parameters", []) if one["in"] == place] for place in ("path", "query")}
            yield method.upper(), path, names, "requestBody" in said


def targets(document, url, cookie):
    """What is to be tried."""
    for method, path, names, has_body in operations(document):
        body = "{}" if has_body else ""
        filled = path
        for name in names["path"]:
            filled = filled.replace("{%s}" % name, SAMPLES.get(name, "x"))
        query = urllib.parse.urlencode([(name, SAMPLES.get(name, "x")) for name in names["query"]])
        for name in names["query"]:
            yield method, f"{url}{filled}?{query}", name, body
        for name in names["path"]:
            marked = path.replace("{%s}" % name, SAMPLES.get(name, "x") + "*")
            for other in names["path"]:
                marked = marked.replace("{%s}" % other, SAMPLES.get(other, "x"))
            yield method, f"{url}{marked}" + (f"?{query}" if query else ""), "", body
    forms = {"/login": {"next"}}
    for page in PAGES:
        request = urllib.request.Request(url + page, headers={"Cookie": cookie, "Accept": "text/html"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                reader = Forms(page)
                reader.feed(answer.read().decode())
        except urllib.error.HTTPError:
            continue
        for action, found in reader.found.items():
            # A page of a list has more parameters than the fields of its form.
            listed = [name for _, path, names, _ in operations(document) if path == f"/api{action}" for name in names["query"]]
            forms.setdefault(action, set()).update(found, listed)
    for action, found in sorted(forms.items()):
        names = sorted(found)
        query = urllib.parse.urlencode([(name, SAMPLES.get(name, "x")) for name in names])
        for name in names:
            yield "GET", f"{url}{action}?{query}", name, ""


def main():
    document, url, cookie = sys.argv[1:]
    with open(document, encoding="utf-8") as file:
        read = json.load(file)
    for target in targets(read, url, cookie):
        assert not any(re.search(r"[\t\n]", part) for part in target), target
        print("\t".join(part or "-" for part in target))


main()
