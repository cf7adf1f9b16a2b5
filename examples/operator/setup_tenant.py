#!/usr/bin/env python3
"""Sets up a new tenant by API alone: the tenant, its brand, two offers, and the films of a CSV file.

Needs Python 3.11 and nothing else; FFmpeg makes the films for rows that name no file. Run it again after a break, or
after adding rows: what is there already stays. README.md beside this file explains it.
"""

import argparse
import base64
import csv
import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

CHUNK = 4 * 1024 * 1024  # bytes of a film sent at a time
RESUMPTIONS = 5  # how often a broken upload goes on where it broke off, before it is given up
RATINGS = {"0": 0, "6": 6, "12": 12, "16": 16, "18": 18}  # FSK


class Trouble(Exception):
    """Something that whoever runs this can do something about; its text says what."""


class Refused(Trouble):
    """The server said no, with a problem (RFC 9457)."""

    def __init__(self, doing, status, problem):
        self.status, self.code = status, problem.get("code", "")
        detail = problem.get("detail") or f"the server answered {status}"
        super().__init__(f"{doing}: {detail}" + (f" ({self.code})" if self.code else ""))


class Site:
    """A host of a running Tessera, and a key for it."""

    def __init__(self, url, key=None):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise Trouble(f"{url!r} is not an address such as http://platform.localhost:8080")
        self.url, self.key, self.secure = url.rstrip("/"), key, parts.scheme == "https"
        self.host, self.port = parts.netloc, parts.port or (443 if self.secure else 80)
        # RFC 6761 section 6.3: names below localhost are this machine, whatever its resolver says.
        self.address = "127.0.0.1" if parts.hostname.endswith(".localhost") else parts.hostname

    def send(self, method, path, body=None, headers=None):
        """One request; answers status, headers and body."""
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        connection = kind(self.address, self.port, timeout=120)
        sent = {"Host": self.host, **({"Authorization": f"Bearer {self.key}"} if self.key else {}), **(headers or {})}
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except ConnectionRefusedError:
            raise Trouble(f"nothing listens at {self.url}; start the server, or name another address") from None
        finally:
            connection.close()

    def call(self, doing, method, path, body=None, once=None, version=None):
        """One operation. `once` is its idempotency key: a retry with it does nothing twice. Waits where it is told to."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if once:
            headers["Idempotency-Key"] = once
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        for attempt in range(6):
            status, said, answer = self.send(method, path, json.dumps(body) if body is not None else None, headers)
            if status < 300:
                return json.loads(answer)
            if status not in (429, 503) or attempt == 5:
                break
            time.sleep(min(float(said.get("Retry-After", 1)), 30))
        raise Refused(doing, status, as_problem(answer))

    def pages(self, doing, path):
        """Every entry of a list, page by page."""
        cursor = ""
        while cursor is not None:
            page = self.call(doing, "GET", f"{path}?limit=100" + (f"&cursor={cursor}" if cursor else ""))
            yield from page["data"]
            cursor = page.get("next_cursor")


def as_problem(answer):
    try:
        problem = json.loads(answer)
        return problem if isinstance(problem, dict) else {}
    except ValueError:
        return {}


def say(text):
    print(text, flush=True)


class Notes:
    """What has been done, beside the CSV or where --notes says; holds the tenant's key, so it is for its owner alone."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.kept = json.loads(self.path.read_text()) if self.path.exists() else {}

    def get(self, name):
        return self.kept.get(name)

    def keep(self, name, value):
        self.kept[name] = value
        beside = self.path.with_name(f".{self.path.name}.new")
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self.kept, file, indent=2)
        beside.replace(self.path)


# ── The tenant and its key ───────────────────────────────────────────────────────────────────────────────────────────


def make_tenant(platform, options):
    """Makes the tenant; making the same one again is fine. Answers where its pages are."""
    wanted = {"name": options.name, "kind": "test" if options.test else "live", "default_locale": "en",
              "default_territory": "DE"}
    try:
        tenant = platform.call("making the tenant", "PUT", f"/tenancy/v1/tenants/{options.tenant}", wanted)
    except Refused as refusal:
        if refusal.status == 401:
            raise Trouble(f"{refusal}\nThe key has to be one of the platform: tessera tenant operator-key") from None
        raise
    say(f"Tenant {tenant['tenant_id']} ({tenant['kind']}) at {tenant['url']}")
    return tenant


def staff_key(platform, options, notes):
    """The tenant's first staff key. The idempotency key gives the same one to a retry, should its answer get lost."""
    if notes.get("staff_key"):
        return notes.get("staff_key")
    body = {"name": "set up by the operator", "scopes": ["*"]}
    made = platform.call("making the tenant's key", "POST", f"/tenancy/v1/tenants/{options.tenant}/keys", body,
                         once=f"first-staff-key-of-{options.tenant}")
    notes.keep("staff_key", made["secret"])
    return made["secret"]


# ── Brand and offers ─────────────────────────────────────────────────────────────────────────────────────────────────


def set_brand(site, options):
    """Name, colours and logo. Putting the same brand again changes nothing that anybody sees."""
    brand = {"name": options.name, "support_email": f"help@{options.tenant}.example",
             "terms_url": f"https://{options.tenant}.example/terms",
             "privacy_url": f"https://{options.tenant}.example/privacy",
             "colours": {"background": "#06141b", "text": "#eaf6f4", "accent": "#2dd4bf"}}
    site.call("setting the brand", "PUT", "/tenancy/v1/management/brand", brand)
    logo = base64.b64encode((options.folder / "logo.svg").read_bytes()).decode()
    site.call("setting the logo", "PUT", "/tenancy/v1/management/brand/pictures/logo", {"data": logo})
    say(f"Brand {options.name}, with a logo")


def put_up_offers(site):
    """A plan for films in it, and a rental for any film."""
    offers = {
        "Basic": {"terms": {"kind": "subscription", "plan": "basic"}, "max_streams": 2,
                  "price": {"amount_minor": 799, "currency": "EUR"},
                  "description": {"en": "Everything in the plan, on two screens at once.",
                                  "de": "Alles im Abo, auf zwei Bildschirmen."}},
        "Rent for 48 hours": {"terms": {"kind": "rental", "hours": 48}, "max_streams": 1,
                              "price": {"amount_minor": 399, "currency": "EUR"}},
    }
    there = {offer["name"]["en"] for offer in site.pages("listing offers", "/billing/v1/offers")}
    for name, offer in offers.items():
        if name not in there:
            site.call(f"offering {name!r}", "POST", "/billing/v1/management/offers", {"name": {"en": name}, **offer},
                      once=f"offer-{slug(name)}")
    say(f"Offers: {', '.join(offers)}")


# ── Films ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def slug(text):
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")


def read_films(path):
    """The rows of the CSV, checked before anything is uploaded."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise Trouble(f"reading {path}: {error.strerror}") from None
    seen = set()
    for number, row in enumerate(rows, 2):
        where = f"{path}, line {number}"
        missing = [field for field in ("title", "year", "genres", "rating", "access") if not (row.get(field) or "").strip()]
        if missing:
            raise Trouble(f"{where}: {', '.join(missing)} is empty; the first line names the columns")
        if not row["year"].isdigit():
            raise Trouble(f"{where}: the year is {row['year']!r}; give four digits")
        if row["rating"] not in RATINGS:
            raise Trouble(f"{where}: the rating is {row['rating']!r}; give one of {', '.join(RATINGS)}")
        odd = [genre for genre in row["genres"].split("|") if not re.fullmatch("[a-z0-9-]{1,40}", genre.strip())]
        if odd:
            raise Trouble(f"{where}: {odd[0]!r} is no genre; give lower-case letters, digits and hyphens, with | between two")
        if row["access"] not in ("plan", "rent", "free"):
            raise Trouble(f"{where}: access is {row['access']!r}; give plan, rent or free")
        if not (row.get("file") or row.get("generator")):
            raise Trouble(f"{where}: name a file, or a generator such as testsrc2")
        key = (row["title"], row["year"])
        if key in seen:
            raise Trouble(f"{where}: {row['title']} of {row['year']} stands there twice")
        seen.add(key)
    return rows


def described(row, asset):
    """The title as the catalog takes it."""
    access = {"free": row["access"] == "free", "plans": ["basic"] if row["access"] == "plan" else []}
    synopsis = {language: row[column].strip() for language, column in (("en", "synopsis"), ("de", "synopsis_de"))
                if (row.get(column) or "").strip()}
    return {"name": {"en": row["title"]}, "synopsis": synopsis, "year": int(row["year"]),
            "genres": [genre.strip() for genre in row["genres"].split("|")],
            "rating": {"system": "FSK", "label": row["rating"], "minimum_age": RATINGS[row["rating"]]},
            "access": access, "asset_id": asset}


def film_file(row, options, scratch):
    """The row's file; one is drawn where it names a generator only."""
    if row.get("file"):
        path = (options.films.parent / row["file"]).resolve()
        if not path.is_file():
            raise Trouble(f"{row['title']}: there is no file {path}; correct the column file, or leave it empty")
        return path
    ffmpeg = shutil.which("ffmpeg")
    if not ffmpeg:
        raise Trouble("FFmpeg makes the films that have no file: apt-get install ffmpeg")
    source, _, settings = row["generator"].partition("=")
    source = f"{source}=size={options.size}:rate=25" + (f":{settings}" if settings else "")
    path = scratch / f"{slug(row['title'])}.mp4"
    done = subprocess.run(
        [ffmpeg, "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", source, "-f", "lavfi", "-i",
         "sine=frequency=330", "-t", str(options.seconds), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
         "-c:a", "aac", str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"FFmpeg could not draw {row['title']} with {source}: {done.stderr.strip()}")
    return path


def upload(site, path, notes, note):
    """Uploads by tus 1.0, and goes on where a broken connection, or an earlier run, left off. Answers the upload's path."""
    size, tus = path.stat().st_size, {"Tus-Resumable": "1.0.0"}
    begun = notes.get(note) or {}
    offset, place = (received(site, begun["path"]), begun["path"]) if begun.get("size") == size else (None, None)
    if offset is None:
        name = base64.b64encode(path.name.encode()).decode()
        headers = {**tus, "Upload-Length": str(size), "Upload-Metadata": f"filename {name}"}
        status, said, answer = site.send("POST", "/media/v1/uploads", headers=headers)
        if status != 201:
            raise Refused(f"beginning to upload {path.name}", status, as_problem(answer))
        place, offset = urllib.parse.urlsplit(said["Location"]).path, 0
        notes.keep(note, {"path": place, "size": size})
    failures = 0
    with open(path, "rb") as file:
        while offset < size:
            file.seek(offset)
            headers = {**tus, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
            try:
                status, said, answer = site.send("PATCH", place, file.read(CHUNK), headers)
            except (OSError, http.client.HTTPException) as error:
                status, said, answer = 0, {}, json.dumps({"detail": f"the connection broke: {error}"})
            if status == 204:
                offset, failures = int(said["Upload-Offset"]), 0
                continue
            failures += 1
            if status in (400, 401, 403, 413, 415) or failures > RESUMPTIONS:
                raise Refused(f"uploading {path.name}", status, as_problem(answer))
            time.sleep(failures)
            offset = received(site, place)
            if offset is None:
                raise Trouble(f"uploading {path.name}: the upload is gone; run this again to begin it anew")
    return place


def received(site, place):
    """How much of an upload has arrived; None when there is no such upload any more."""
    status, said, _ = site.send("HEAD", place, headers={"Tus-Resumable": "1.0.0"})
    return int(said["Upload-Offset"]) if status == 200 else None


def asset_of(site, row, options, notes, scratch):
    """The asset of a row's film, being made or made already. A retry submits the same upload once."""
    note = slug(f"{row['title']} {row['year']}")
    if notes.get(f"asset {note}"):
        return notes.get(f"asset {note}")
    place = upload(site, film_file(row, options, scratch), notes, f"upload {note}")
    body = {"upload_id": place.rsplit("/", 1)[-1], "protection": "cbcs"}
    once = hashlib.sha256(f"asset {place}".encode()).hexdigest()
    asset = site.call(f"submitting {row['title']}", "POST", "/media/v1/assets", body, once=once)["asset_id"]
    notes.keep(f"asset {note}", asset)
    return asset


def wait_for(site, row, asset, notes):
    """Waits until the asset can be played, and says how far it is."""
    last = None
    while True:
        state = site.call(f"asking after {row['title']}", "GET", f"/media/v1/assets/{asset}")
        if state["state"] == "ready":
            return
        if state["state"] == "failed":
            notes.keep(f"asset {slug(row['title'] + ' ' + row['year'])}", None)
            why = (state.get("failure") or {}).get("message", "see the server's log")
            raise Trouble(f"{row['title']} cannot be made playable: {why}; correct the file and run this again")
        far = (state.get("stage") or "waiting", state["progress_percent"])
        if far != last:
            say(f"    {row['title']}: {far[0]}, {far[1]} %")
            last = far
        time.sleep(0.2)


def publish(site, row, asset, there):
    """The title as the row says it, published. An existing one is edited, and only when something differs."""
    wanted, title = described(row, asset), there.get((row["title"], int(row["year"])))
    if title is None:
        # A draft first: what is edited later is edited in the same way.
        draft = {"name": wanted["name"], "year": wanted["year"], "asset_id": asset}
        once = f"title-{slug(row['title'])}-{row['year']}-{asset}"
        title = site.call(f"creating {row['title']}", "POST", "/catalog/v1/management/titles", {"title": draft}, once=once)
    path = f"/catalog/v1/management/titles/{title['title_id']}"
    edited = {**title["title"], **wanted}
    if edited != title["title"]:
        title = site.call(f"editing {row['title']}", "PUT", path, {"title": edited}, version=title["version"])
    if title["state"] != "published":
        title = site.call(f"publishing {row['title']}", "POST", f"{path}/publish", {})
    return title


def import_films(site, options, notes):
    """Uploads what is missing, waits, describes and publishes. Films are made ready one after the other by the server,
    so all are handed over before the first is waited for."""
    rows = read_films(options.films)
    there = {(title["title"]["name"].get("en"), title["title"].get("year")): title
             for title in site.pages("listing titles", "/catalog/v1/management/titles")}
    assets = []
    with tempfile.TemporaryDirectory() as scratch:
        for number, row in enumerate(rows, 1):
            known = there.get((row["title"], int(row["year"])), {}).get("title", {}).get("asset_id")
            assets.append(known or asset_of(site, row, options, notes, pathlib.Path(scratch)))
            say(f"  {number}/{len(rows)} {row['title']}: {'is there' if known else 'uploaded'}")
    for number, (row, asset) in enumerate(zip(rows, assets), 1):
        wait_for(site, row, asset, notes)
        title = publish(site, row, asset, there)
        say(f"  {number}/{len(rows)} {row['title']}: {title['state']} as {title['title_id']}")
    return len(rows)


def options_of(arguments):
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--platform", default="http://platform.localhost:8080", help="the platform's own host")
    parser.add_argument("--tenant", default="aurora", help="the tenant's name, a DNS label")
    parser.add_argument("--name", default="Aurora", help="its name for people")
    parser.add_argument("--test", action="store_true", help="a tenant for trying things out; never changed later")
    parser.add_argument("--films", type=pathlib.Path, default=here / "films.csv", help="the CSV file")
    parser.add_argument("--notes", type=pathlib.Path, help="what has been done; default: TENANT.json in this folder")
    parser.add_argument("--seconds", type=float, default=2, help="length of films that are drawn")
    parser.add_argument("--size", default="320x180", help="size of films that are drawn")
    options = parser.parse_args(arguments)
    options.folder = here
    options.notes = options.notes or pathlib.Path(f"{options.tenant}.json")
    return options


def main(arguments):
    options = options_of(arguments)
    key = os.environ.get("TESSERA_OPERATOR_KEY")
    if not key:
        raise Trouble("set TESSERA_OPERATOR_KEY to a key of the platform: tessera tenant operator-key prints one")
    platform, notes = Site(options.platform, key), Notes(options.notes)
    tenant = make_tenant(platform, options)
    site = Site(tenant["url"], staff_key(platform, options, notes))
    set_brand(site, options)
    put_up_offers(site)
    films = import_films(site, options, notes)
    say(f"\n{films} films of {options.name} are at {tenant['url']}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Trouble as trouble:
        sys.exit(f"error: {trouble}")
    except KeyboardInterrupt:
        sys.exit("\nStopped; run it again and it goes on.")
