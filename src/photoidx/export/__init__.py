"""What you decided and what is known, written for other programs: sidecars, files, lists. One journal, one undo."""
