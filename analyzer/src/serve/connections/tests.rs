use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use axum::{Extension, middleware};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::serve::bodies;

/// Limits that no test reaches.
const PATIENT: ConnectionLimits = ConnectionLimits {
    most: 100,
    head: Duration::from_secs(600),
    stalled: Duration::from_secs(600),
};
/// A limit that a test waits for.
const SHORT: Duration = Duration::from_millis(500);

struct Running {
    address: SocketAddr,
    end: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

async fn socket(upgrade: WebSocketUpgrade) -> impl IntoResponse {
    upgrade.on_upgrade(|mut socket| async move {
        while let Some(Ok(message)) = socket.recv().await {
            if matches!(message, Message::Text(_)) && socket.send(message).await.is_err() {
                return;
            }
        }
    })
}

async fn start(limits: ConnectionLimits, body: Duration) -> Running {
    let peer = |Extension(ConnectInfo(peer)): Extension<ConnectInfo<SocketAddr>>| async move {
        peer.ip().to_string()
    };
    let slow = || async {
        tokio::time::sleep(4 * SHORT).await;
        "slow"
    };
    let router = Router::new()
        .route("/peer", get(peer))
        .route("/slow", get(slow))
        .route("/large", get(|| async { vec![0; 64 << 20] }))
        .route("/socket", any(socket))
        .route("/echo", post(|text: String| async move { text }))
        .layer(middleware::from_fn_with_state(body, bodies::receive));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let ending = async move {
        let _ = ended.await;
    };
    let served = tokio::spawn(serve(listener, router, limits, ending));
    Running {
        address,
        end,
        served,
    }
}

async fn send(running: &Running, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Reads until the server closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // A reset ends it, too.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

async fn answer(running: &Running, path: &str) -> String {
    let text = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    rest(send(running, &text).await).await
}

#[test]
fn connections_leave_files_for_the_rest_of_the_server() {
    assert_eq!(most_connections(Some(1024)), 896);
    assert_eq!(most_connections(Some(256)), 128);
    assert_eq!(most_connections(Some(100)), 50);
    assert_eq!(most_connections(Some(1)), 1);
    assert_eq!(most_connections(Some(1 << 20)), MOST);
    assert_eq!(most_connections(None), MOST);
}

#[tokio::test]
async fn handlers_know_the_address_of_the_client() {
    let running = start(PATIENT, PATIENT.head).await;
    let answered = answer(&running, "/peer").await;
    assert!(answered.ends_with("127.0.0.1"), "{answered}");
}

#[tokio::test]
async fn connections_without_a_complete_request_are_closed() {
    let limits = ConnectionLimits {
        head: SHORT,
        ..PATIENT
    };
    let running = start(limits, PATIENT.head).await;
    let nothing = send(&running, "").await;
    let half = send(&running, "GET /peer HTTP/1.1\r\nHost: a\r\n").await;
    let used = send(&running, "GET /peer HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // A handler may take longer than a request head.
    let slow = answer(&running, "/slow").await;
    assert!(slow.ends_with("slow"), "{slow}");
    assert_eq!(rest(nothing).await, "");
    assert!(!rest(half).await.contains("200 OK"));
    let used = rest(used).await;
    assert!(used.ends_with("127.0.0.1"), "{used}");
}

#[tokio::test]
async fn web_sockets_stay_open_and_keep_their_place() {
    let limits = ConnectionLimits {
        most: 1,
        head: SHORT,
        ..PATIENT
    };
    let running = start(limits, SHORT).await;
    let request = "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    let mut socket = send(&running, request).await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    let mut other = send(
        &running,
        "GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    .await;
    tokio::time::sleep(4 * SHORT).await;
    // A text of two bytes, masked with zeros, and the same text back.
    socket
        .write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i'])
        .await
        .unwrap();
    let mut echo = [0; 4];
    socket.read_exact(&mut echo).await.unwrap();
    assert_eq!(echo, [0x81, 2, b'h', b'i']);
    let mut first = [0];
    let waiting = tokio::time::timeout(SHORT, other.read(&mut first)).await;
    assert!(waiting.is_err(), "the only place is in use");
    drop(socket);
    let answered = rest(other).await;
    assert!(answered.ends_with("127.0.0.1"), "{answered}");
}

#[tokio::test]
async fn clients_that_send_nothing_give_way_to_others() {
    let limits = ConnectionLimits { most: 4, ..PATIENT };
    let running = start(limits, PATIENT.head).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(send(&running, "GET /peer HTTP/1.1\r\n").await);
        let answered = answer(&running, "/peer").await;
        assert!(answered.ends_with("127.0.0.1"), "{answered}");
    }
}

#[tokio::test]
async fn slow_bodies_are_a_problem() {
    let running = start(PATIENT, SHORT).await;
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    let late = rest(send(&running, &format!("{head}he")).await).await;
    assert!(late.starts_with("HTTP/1.1 408"), "{late}");
    assert!(late.contains("application/problem+json"), "{late}");
    assert!(late.contains("\"remedy\""), "{late}");
    let closed = "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    for body in [
        "Content-Length: 5\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        let answered = rest(send(&running, &format!("{closed}{body}")).await).await;
        assert!(answered.ends_with("hello"), "{answered}");
    }
}

#[tokio::test]
async fn clients_that_accept_nothing_are_disconnected() {
    let limits = ConnectionLimits {
        most: 1,
        stalled: SHORT,
        ..PATIENT
    };
    let running = start(limits, PATIENT.head).await;
    let stalled = send(&running, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // Its place becomes free, although it stays open here.
    let answered = answer(&running, "/peer").await;
    assert!(answered.ends_with("127.0.0.1"), "{answered}");
    assert!(rest(stalled).await.len() < 64 << 20);
}

#[tokio::test]
async fn open_requests_are_answered_before_the_end() {
    let running = start(PATIENT, PATIENT.head).await;
    let idle = send(&running, "GET /peer HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut slow = send(&running, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // The server has accepted both before it ends.
    tokio::time::sleep(SHORT).await;
    running.end.send(()).unwrap();
    let mut text = String::new();
    slow.read_to_string(&mut text).await.unwrap();
    assert!(text.ends_with("slow"), "{text}");
    assert!(rest(idle).await.ends_with("127.0.0.1"));
    running.served.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}
