"""`photoidx review`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from photoidx.cli.terminal.output import library_option


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="The port; 8427 by default, or any that is free.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--read-only", is_flag=True, help="Show, and let nobody decide.")
@click.option("--cache-size", default="2GB", show_default=True, metavar="SIZE", help="Most room for pictures on disk.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to serve at. Any but this computer's own needs --password-file.",
)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file whose first line is the password for others in your network. It is sent unencrypted.",
)
@library_option
def review(  # noqa: PLR0917 - click passes each option by name
    port: int | None,
    no_browser: bool,
    read_only: bool,
    cache_size: str,
    host: str,
    password_file: Path | None,
    library: str | None,
) -> None:
    """Look at bursts and duplicates in the browser, and decide by keys.

    The page is served by this computer to this computer, and asks no other site. Decisions are in `best`, `dups` and
    SQL at once. Press ? in the page for the keys, Ctrl-C here to end. With --host others in your network can see all
    photos of the library, and decide, if they know the password; whoever can listen to the network can read along.
    """
    import webbrowser

    import platformdirs

    from photoidx.library import Library
    from photoidx.reclaim.run import bytes_of
    from photoidx.review.start import LOOPBACK, Options, read_password, serve

    if host not in {LOOPBACK, "localhost"} and password_file is None:
        raise click.UsageError(f"--host {host} lets others in: it needs --password-file.")
    password = read_password(password_file) if password_file else None
    options = Options(
        cache=Path(platformdirs.user_cache_dir("photoidx")) / "review",
        cache_bytes=bytes_of(cache_size),
        port=port or 0,
        host=host,
        password=password,
        read_only=read_only,
    )

    def tell(address: str) -> None:
        click.echo(address)
        sys.stdout.flush()
        if password is not None:
            click.echo("Others in your network get in with the password. Nothing is encrypted on the way.", err=True)
        click.echo("Press Ctrl-C to end.", err=True)
        if not no_browser:
            webbrowser.open(address)

    serve(Library(library), options, tell)
