//! Every limit of the API, in one table. What a bundle may use is the runtime's table; how many
//! requests wait for the sandbox is the engine's.

use std::time::Duration;

/// Of a JSON body: a roster of 10,000 lines is about 8 MB.
pub(crate) const BODY_BYTES_MAX: usize = 12 << 20;
/// Of a material.
pub(crate) const MATERIAL_BYTES_MAX: usize = 10 << 20;
/// Of a request's target and headers.
pub(crate) const HEAD_BYTES_MAX: usize = 16 << 10;
/// What is read of a head before it is looked at; hyper's least is 8 KiB.
pub(crate) const READ_BYTES_MAX: usize = 64 << 10;
/// How long a connection may take for the head of its next request.
pub(crate) const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// How long the body of a request may take to arrive.
pub(crate) const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a request may take, its body included.
pub(crate) const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);
/// How long requests that are under way may still take when the host stops.
pub(crate) const DRAIN_TIME_MAX: Duration = Duration::from_secs(60);
/// Connections at a time; more wait to be accepted.
pub(crate) const CONNECTIONS_MAX: usize = 1024;
/// Requests at a time, of all callers.
pub(crate) const REQUESTS_MAX: usize = 256;
/// Of all bodies that are being read or answered, together; materials go through in chunks.
pub(crate) const BODIES_BYTES_MAX: u32 = 256 << 20;
/// Requests at a time, of one caller.
pub(crate) const CALLER_REQUESTS_MAX: usize = 64;
/// Streams of cases at a time, of all callers.
pub(crate) const STREAMS_MAX: usize = 256;
/// Streams of cases at a time, of one caller.
pub(crate) const CALLER_STREAMS_MAX: usize = 128;
/// How often a stream says that it is still there.
pub(crate) const STREAM_SILENCE_MAX: Duration = Duration::from_secs(15);
/// How often the store is asked for what other hosts committed, while somebody follows a case.
pub(crate) const STREAM_LOOK_EVERY: Duration = Duration::from_millis(500);
/// The longest time after which a refused caller is told to come back.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// How long the store may take to answer whether it is there.
pub(crate) const READY_TIME_MAX: Duration = Duration::from_secs(2);
/// Of an uploaded bundle with its fixtures, a tar.
pub(crate) const UPLOAD_BYTES_MAX: usize = 32 << 20;
/// Of a file in it.
pub(crate) const UPLOAD_FILE_BYTES_MAX: u64 = 16 << 20;
/// Files in it.
pub(crate) const UPLOAD_FILES_MAX: usize = 5_000;
/// Characters of the name of a file in it.
pub(crate) const UPLOAD_NAME_CHARS_MAX: usize = 200;
/// Bundles that are checked at a time.
pub(crate) const CHECKS_MAX: usize = 1;
/// How long the fixtures of an uploaded bundle may be replayed: it must be over before the request is.
pub(crate) const CHECK_TIME_MAX: Duration = Duration::from_secs(40);
/// Characters of an idempotency key.
pub(crate) const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// Workers of a node: each is at one thing at a time.
pub(crate) const WORKERS: usize = 4;
/// Rows of a page where the caller does not say.
pub(crate) const ROWS_DEFAULT: u32 = 100;
