"""Watch folders, and keep the tables true while they change."""
