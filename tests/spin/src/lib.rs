//! Serves a folder of function apps over HTTP on a free port of the loopback interface, for tests and
//! benches: as Spin does, on wasmtime's own `wasi:http` 0.3, in this process; or by `spin up`, where
//! there is a `spin`.
//!
//! It knows nothing of bundles: it hands requests for `/{name}/…` to the component `{name}.wasm`.

mod engine;
mod up;

use engine::{App, Engine};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use wasmtime_wasi_http::WasiBody;

/// Whether a component's instance answers one request or many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instances {
    /// One each.
    Fresh,
    /// As engines do by default: several requests at once, and many one after another.
    Reused,
}

/// Apps that are served until this value goes.
pub struct Served {
    address: SocketAddr,
    _by: By,
}

/// Who serves.
#[expect(dead_code, reason = "held, and stopped when dropped")]
enum By {
    Ourselves(Stopping),
    Spin(up::Spin),
}

impl Served {
    /// Serves the components of a folder in this process. Each is compiled when it is first asked.
    ///
    /// # Errors
    /// Where the engine or the port cannot be had.
    pub fn start(folder: &Path, instances: Instances) -> wasmtime::Result<Served> {
        let runtime = Runtime::new()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let apps = Arc::new(Apps {
            engine: Engine::new(instances)?,
            folder: folder.to_owned(),
            compiled: Mutex::default(),
        });
        runtime.spawn(accept(listener, apps));
        Ok(Served {
            address,
            _by: By::Ourselves(Stopping(Some(runtime))),
        })
    }

    /// Serves the apps of the project's `spin.toml` by `spin up`, and says so on the error output.
    /// `None` where there is no `spin` on the path.
    ///
    /// # Errors
    /// Where it does not come up.
    pub fn by_spin(project: &Path) -> std::io::Result<Option<Served>> {
        Ok(up::Spin::start(project)?.map(|(spin, address)| Served {
            address,
            _by: By::Spin(spin),
        }))
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Ends a runtime without waiting for what goes on in it.
struct Stopping(Option<Runtime>);

impl Drop for Stopping {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

struct Apps {
    engine: Engine,
    folder: PathBuf,
    compiled: Mutex<BTreeMap<String, App>>,
}

impl Apps {
    /// The app of that name, compiled once; `None` where there is none.
    fn app(&self, name: &str) -> wasmtime::Result<Option<App>> {
        let mut compiled = self
            .compiled
            .lock()
            .map_err(|_| wasmtime::format_err!("an app did not compile"))?;
        if let Some(app) = compiled.get(name) {
            return Ok(Some(app.clone()));
        }
        let path = self.folder.join(name).with_extension("wasm");
        if name.is_empty() || !path.exists() {
            return Ok(None);
        }
        let app = self.engine.app(&path)?;
        compiled.insert(name.to_owned(), app.clone());
        Ok(Some(app))
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<WasiBody> {
        let name = request.uri().path().split('/').nth(1).unwrap_or_default();
        let app = match self.app(name) {
            Ok(Some(app)) => app,
            Ok(None) => return empty(StatusCode::NOT_FOUND),
            Err(error) => return failed(&error),
        };
        let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        match app.handle((), request).await {
            Ok(response) => response,
            Err(error) => failed(&error),
        }
    }
}

/// As an engine answers for a component that trapped: bare. Why, is told beside.
#[expect(clippy::print_stderr, reason = "a test's own output")]
fn failed(error: &wasmtime::Error) -> Response<WasiBody> {
    eprintln!("a function app failed: {error:#}");
    empty(StatusCode::INTERNAL_SERVER_ERROR)
}

fn empty(status: StatusCode) -> Response<WasiBody> {
    let body = Full::default().map_err(Into::into).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

async fn accept(listener: TcpListener, apps: Arc<Apps>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Small answers go out at once.
        let _ = stream.set_nodelay(true);
        let apps = Arc::clone(&apps);
        let service = service_fn(move |request| {
            let apps = Arc::clone(&apps);
            async move { Ok::<_, std::convert::Infallible>(apps.answer(request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
