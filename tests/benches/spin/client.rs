//! A closed-loop client: so many connections, each asks again as soon as it was answered.

use crate::assert_answer;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const CONNECTIONS: usize = 32;

/// A request, and a part of what its answer says.
#[derive(Clone)]
pub struct Asked {
    /// `127.0.0.1:8080`.
    pub authority: String,
    pub path: String,
    pub bearer: Option<String>,
    pub body: Bytes,
    pub says: &'static str,
}

impl Asked {
    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::post(&self.path)
            .header("host", &self.authority)
            .header("content-type", "application/json");
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        request.body(Full::new(self.body.clone())).unwrap()
    }
}

/// Answers a second.
pub async fn rate(asked: &Asked, requests: usize) -> f64 {
    let left = Arc::new(AtomicUsize::new(requests));
    let mut connections = JoinSet::new();
    let mut senders = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(&asked.authority).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let http = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (sender, connection) = http.await.unwrap();
        tokio::spawn(connection);
        senders.push(sender);
    }
    let started = Instant::now();
    for mut sender in senders {
        let (left, asked) = (left.clone(), asked.clone());
        connections.spawn(async move {
            let more = |left: usize| left.checked_sub(1);
            while left.fetch_update(Relaxed, Relaxed, more).is_ok() {
                sender.ready().await.unwrap();
                let response = sender.send_request(asked.request()).await.unwrap();
                let status = response.status().as_u16();
                let body = response.into_body().collect().await.unwrap().to_bytes();
                assert_answer(&asked, status, &body);
            }
        });
    }
    while let Some(done) = connections.join_next().await {
        done.unwrap();
    }
    f64::from(u32::try_from(requests).unwrap()) / started.elapsed().as_secs_f64()
}
