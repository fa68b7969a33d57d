//! Drives cases: store, runtime and capabilities together, without HTTP.
