//! Retirement of civil servants and staff of public institutions: four forms, one submission.
