//! Components of `wasi:http` 0.3 on wasmtime.

use crate::Instances;
use std::future::pending;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;
use wasmtime::component::{Component, GuestTaskId, Linker, ResourceTable};
use wasmtime::{
    Config, InstanceAllocationStrategy, PoolingAllocationConfig, Store, StoreContextMut,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ProxyHandler, ShouldAccept, WorkerExpiration, WorkerState,
    WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// A component that answers requests.
pub type App = ProxyHandler<Compiled>;

/// Requests at once on one instance where it is reused, and in all: what `wasmtime serve` takes.
const AT_ONCE_MAX: usize = 16;
const REUSED_MAX: usize = 128;

pub struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<Ctx>,
    instances: Instances,
}

impl Engine {
    pub fn new(instances: Instances) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.wasm_component_model_async(true);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(
            PoolingAllocationConfig::default(),
        ));
        let engine = wasmtime::Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        Ok(Self {
            engine,
            linker,
            instances,
        })
    }

    /// Compiles the component in that file.
    pub fn app(&self, path: &Path) -> wasmtime::Result<App> {
        let component = Component::from_file(&self.engine, path)?;
        let pre = ServicePre::new(self.linker.instantiate_pre(&component)?)?;
        Ok(ProxyHandler::new(Compiled {
            pre,
            instances: self.instances,
        }))
    }
}

pub struct Compiled {
    pre: ServicePre<Ctx>,
    instances: Instances,
}

impl HandlerState for Compiled {
    type StoreData = Ctx;
    type WorkerExpiration = Never;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<Ctx, Never, Worker>> {
        let mut store = Store::new(self.pre.engine(), Ctx::default());
        let proxy = Proxy::P3(self.pre.instantiate_async(&mut store).await?);
        Ok(Instance {
            store,
            proxy,
            view: Ctx::http,
            expiration: Never,
            state: Worker(self.instances),
        })
    }
}

/// What an instance has: nothing of this process.
#[derive(Default)]
pub struct Ctx {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Alone,
}

impl WasiView for Ctx {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Ctx {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

/// An app asks nobody anything.
#[derive(Default)]
struct Alone;

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Alone {
    fn send_request(
        &mut self,
        _: hyper::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Result<(hyper::Response<WasiBody>, Io), Error>> + Send> {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}

/// An instance is kept as long as it may be used.
pub struct Never;

impl WorkerExpiration for Never {
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>, _: WorkerStatus, _: Instant) -> Poll<()> {
        Poll::Pending
    }
}

/// How many requests an instance takes.
pub struct Worker(Instances);

impl WorkerState for Worker {
    type StoreData = Ctx;
    type RequestData = ();

    fn should_accept_request(&self, at_once: usize, total: usize) -> ShouldAccept {
        let (at_once_max, total_max) = match self.0 {
            Instances::Fresh => (1, 1),
            Instances::Reused => (AT_ONCE_MAX, REUSED_MAX),
        };
        if total >= total_max {
            ShouldAccept::Never
        } else if at_once >= at_once_max {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, Ctx>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(pending())
    }

    fn drop(&self, _: Store<Ctx>, _: Result<(), wasmtime::Error>) {}
}
