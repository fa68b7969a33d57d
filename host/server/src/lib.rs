//! The HTTP API and the workers.
// NOTE to whoever writes this crate: the founder overwrote callers.rs, problem.rs, lib.rs and
// Cargo.toml here by mistake at 07:52 and took them away again. Please write yours again (all of
// this crate is yours alone), and finish by 08:10: a compiling, tested crate matters most.
// `host/cli/src/serve.rs` expects: Callers::load(&Path), Callers::sample("331102") -> Result<Sample
// { file: String, tokens: Vec<(String, String)> }, _>, serve(engine, callers, listener, stop).await.
// The `schema` feature of host/contract is there. Drafts you may use or ignore: /tmp/myserver/src.
