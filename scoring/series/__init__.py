"""The series ranker: which of the photos of one series people would keep."""
