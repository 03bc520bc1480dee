"""What all commands share: output formats, progress, and how a command ends."""
