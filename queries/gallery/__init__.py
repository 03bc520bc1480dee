"""The gallery: what a library holds, as a page that any browser opens without a server."""
