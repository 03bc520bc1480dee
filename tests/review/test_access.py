"""Who gets an answer: the key, the cookie, Host and Origin; ids instead of paths; nothing of another site."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from photoidx import Library
from photoidx.cli import cli
from photoidx.errors import PhotoidxError
from photoidx.review.access import Keys
from photoidx.review.start import read_password
from reviews import Running, running

DECISION = json.dumps({"decisions": [{"verb": "reject", "shots": ["shot-1"]}]})


@pytest.fixture(scope="module")
def cookie(server: Running) -> str:
    return server.cookie()


def test_the_page_is_for_who_has_the_key_and_the_rest_for_who_has_the_cookie(server: Running, cookie: str):
    assert server.ask("/")[0] == 401
    assert server.ask("/?key=guessed")[0] == 401
    status, headers, body = server.ask(f"/?key={server.key}")
    assert status == 200
    assert b"<title>Review" in body
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=strict" in headers["set-cookie"]
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    for path in ("/api/bursts", "/api/events", "/app.js", "/thumb/" + "0" * 32):
        assert server.ask(path)[0] == 401
    assert server.ask("/api/bursts", Cookie="photoidx-1=x; " + cookie.replace("=", "=x"))[0] == 401
    assert server.ask("/api/bursts", Cookie=cookie)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:8427", ""])
def test_a_forged_host_gets_no_answer(server: Running, cookie: str, host: str):
    assert server.ask("/api/bursts", Host=host, Cookie=cookie)[0] == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1:1"},
        {},
        {"Origin": "http://127.0.0.1:{port}", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "http://127.0.0.1:{port}", "Sec_Fetch_Site": "same-site"},
    ],
)
def test_another_sites_request_decides_nothing(
    server: Running, cookie: str, reviewed: Library, headers: dict[str, str]
):
    sent = {name: value.format(port=server.port) for name, value in headers.items()}
    before = reviewed.store.version("decisions")
    assert server.ask("/api/decide", "POST", DECISION, Cookie=cookie, **sent)[0] == 403
    assert reviewed.store.version("decisions") == before


def test_a_picture_of_another_site_is_not_given(server: Running, cookie: str):
    assert server.ask("/api/bursts", Cookie=cookie, Sec_Fetch_Site="cross-site")[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "/thumb/..%2f..%2fetc%2fpasswd",
        "/picture/{working}/%2Fetc%2Fpasswd",
        "/picture/full/../../../../etc/passwd",
        "/picture/{working}/" + "0" * 32,
        "/picture/../etc/" + "0" * 32,
        "/picture/huge/" + "0" * 32,
        "/app.py",
        "/..%2fserver.py",
        "/api/bursts/..",
    ],
)
def test_a_path_in_place_of_an_id_gives_nothing(server: Running, cookie: str, path: str):
    status, _, body = server.ask(path.replace("{working}", "work"), Cookie=cookie)
    assert status in {400, 404}
    assert b"root:" not in body


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"decisions": [{"verb": "delete", "shots": ["a"]}]}',
        '{"decisions": [{"verb": "best"}]}',
        "{" * 9,
    ],
)
def test_what_is_no_decision_is_refused(server: Running, cookie: str, body: str):
    origin = f"http://127.0.0.1:{server.port}"
    assert server.ask("/api/decide", "POST", body, Cookie=cookie, Origin=origin)[0] == 400


def test_a_read_only_review_decides_nothing(reviewed: Library):
    with running(reviewed, "--read-only") as server:
        origin = f"http://127.0.0.1:{server.port}"
        assert server.ask("/api/decide", "POST", DECISION, Cookie=server.cookie(), Origin=origin)[0] == 403


def test_a_home_network_needs_a_password(reviewed: Library, tmp_path: Path):
    from click.testing import CliRunner

    done = CliRunner().invoke(cli, ["review", "--host", "0.0.0.0", "--library", reviewed.uri])
    assert (done.exit_code, "--password-file" in done.stderr) == (2, True)
    (tmp_path / "password").write_text("correct horse\n")
    with running(reviewed, "--password-file", str(tmp_path / "password")) as server:
        origin = f"http://127.0.0.1:{server.port}"
        assert server.key == ""
        assert b'type="password"' in server.ask("/")[2]
        assert server.ask("/login", "POST", "password=wrong", Origin=origin)[0] == 401
        status, headers, _ = server.ask("/login", "POST", "password=correct+horse", Origin=origin)
        assert status == 303
        assert server.ask("/api/bursts", Cookie=headers["set-cookie"].partition(";")[0])[0] == 200


def test_passwords_are_long_enough_and_can_not_be_tried_out(tmp_path: Path):
    (tmp_path / "short").write_text("1234567\n")
    for name in ("short", "none"):
        with pytest.raises(PhotoidxError, match="password"):
            read_password(tmp_path / name)
    keys = Keys(password="correct horse")
    assert keys.is_password("correct horse")
    assert not any(keys.is_password(f"guess {number}") for number in range(10))
    assert not keys.is_password("correct horse")


def test_only_review_loads_the_web_server():
    import subprocess
    import sys

    code = (
        "import sys; from photoidx.cli import cli; import photoidx.library, photoidx.reclaim.run; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"starlette", "uvicorn"} & set(loaded)
